"""The named sets of tasks and hosts, and whose rows a user sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.contrib.auth import get_permission_codename
from django.db import models
from django.db.models.functions import Coalesce, Now

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser


class OwnedQuerySet(models.QuerySet):
    """Rows that belong to a user, in a field `owner` that may be empty."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser, *, owner: str = "owner_id") -> Self:
        """Select the user's own; staff see those without an owner too, and all with the permission to view.

        owner: an annotation that says the same as the field.
        """
        if not user.is_authenticated:
            return self.none()
        if self.is_all_visible_to(user):
            return self.all()
        own = models.Q((owner, user.pk))
        return self.filter(own | models.Q((owner, None)) if user.is_staff else own)

    def is_all_visible_to(self, user: AbstractBaseUser | AnonymousUser) -> bool:
        """Tell whether the user sees everybody's."""
        meta = self.model._meta  # noqa: SLF001 - Django's documented interface
        return user.is_staff and user.has_perm(f"{meta.app_label}.{get_permission_codename('view', meta)}")


class TaskStateQuerySet(OwnedQuerySet):
    """The named sets of tasks."""

    def named(self, keys: Iterable[UUID], *, user: AbstractBaseUser | AnonymousUser) -> Self:
        """Select those of these tasks that a user sees, by their keys."""
        # An expression, which no index answers: without statistics SQLite takes an owner's for fewer than these.
        found = self.filter(pk__in=keys).alias(whose=Coalesce("owner_id", "owner_id"))
        return found.visible_to(user, owner="whose")

    def ready(self) -> Self:
        """Select what waits to be claimed."""
        return self.filter(status=self.model.Status.READY)

    def due(self) -> Self:
        """Select what waits and may be claimed now, in the order in which it will be."""
        is_due = models.Q(run_after=None) | models.Q(run_after__lte=Now())
        return self.ready().filter(is_due).order_by("-priority", "created_at", "pk")

    def active(self) -> Self:
        """Select what has, or is about to have, a process."""
        return self.filter(status__in=self.model.ACTIVE)

    def unfinished(self) -> Self:
        return self.filter(status__in=self.model.UNFINISHED)


class HostQuerySet(models.QuerySet):
    """The named sets of hosts."""

    def paused(self, *names: str) -> Self:
        """Select those of these names that claim nothing."""
        return self.filter(name__in=names, paused_at__isnull=False)
