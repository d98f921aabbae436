"""Who wants what of an export: all that makes one file another."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.core.serializers.json import DjangoJSONEncoder

from brokerless.exports.formats.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from brokerless.exports.exporter import Exporter


@dataclass(frozen=True)
class Request:
    """Who wants what: the exporter, the filters, the file's owner, the columns by name, and the file's layout.

    columns: empty for all of them. admin: what was selected in Django's admin; None for what the filters select.
    title: what that is, in the user's words.
    """

    exporter: Exporter
    filters: Mapping[str, Any]
    owner_id: Any = None
    columns: Sequence[str] = ()
    layout: Layout = field(default_factory=Layout)
    admin: Mapping[str, Any] | None = None
    title: str = ""

    def digest(self) -> str:
        """Return what all requests for the same file have in common, and no other has."""
        layout = vars(self.layout) | {"compress": self.layout.is_gzipped}
        wish = [self.exporter.name, dict(self.filters), list(self.columns), layout, self.admin]
        return hashlib.sha256(json.dumps(wish, sort_keys=True, cls=DjangoJSONEncoder).encode()).hexdigest()
