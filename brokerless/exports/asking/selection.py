"""Which rows are exported: those that the filters select, or those that were selected in Django's admin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.contrib.auth.models import AbstractBaseUser
    from django.db.models import QuerySet

    from brokerless.exports.exporter import Exporter


@dataclass(frozen=True)
class Selection:
    """The rows of an exporter for its owner, who is None for a run by hand.

    admin: what was selected in the admin, as `admin_selection` describes it; None for what the filters select.
    """

    exporter: Exporter
    filters: Mapping[str, Any]
    owner: AbstractBaseUser | None = None
    admin: Mapping[str, Any] | None = None

    @classmethod
    def read(cls, exporter: Exporter, options: Mapping[str, Any], owner: AbstractBaseUser | None) -> Selection:
        """Return the selection that a command's options mean. Raises InvalidFilters with what is wrong."""
        filters = exporter.clean({name: options[name] for name in exporter.get_filters()}, user=owner)
        return cls(exporter, filters, owner, options.get("admin_selection"))

    def rows(self) -> QuerySet:
        """Return the rows.

        Raises InvalidFilters, or InvalidSelection for what the admin of the owner would not list.
        """
        rows = self.exporter.filtered(self.filters, user=self.owner)
        if self.admin is None:
            return rows
        from brokerless.exports.asking.admin_selection import selected  # here, as a site may have no admin

        return rows.filter(pk__in=selected(self.admin, self.exporter.model, self.owner))

    def title(self) -> str:
        """Return what is exported in the user's words."""
        if self.admin is None:
            return self.exporter.describe(self.filters)
        from brokerless.exports.asking.admin_selection import describe

        return describe(self.exporter.title, self.admin, self.exporter.model)
