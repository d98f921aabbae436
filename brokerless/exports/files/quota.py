"""How much all export files may take, and those of one owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from django.db.models import Sum
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from brokerless.exports.conf import settings
from brokerless.exports.exceptions import OutputError
from brokerless.exports.files import retention
from brokerless.exports.models import ExportFile

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

    from brokerless.exports.models import ExportFileQuerySet

# For expired files, when nothing else makes room for a file that a task is to write.
LONGEST_REMOVAL = 60.0  # seconds


class QuotaExceeded(OutputError):  # noqa: N818 - reads as what it says
    """There is no room for another file, or not for all of it."""


def check(owner: AbstractBaseUser | AnonymousUser | None) -> None:
    """Raise QuotaExceeded when there is no room at all for a file of this owner; None is nobody's.

    Files that have expired do not count: they make room for the new one when it is written. Nothing is removed.
    """
    _check(owner.pk if owner is not None else None, ExportFile.objects.fetchable())


def room(owner_id: Any) -> int | None:
    """Return how many bytes a new file of this owner may have; None for any number.

    On a full quota files that have expired are removed first. Raises QuotaExceeded when that makes no room.

    Exports that run at once do not know of each other's bytes: together they may take what is left several times.
    """
    try:
        return _check(owner_id, ExportFile.objects.stored())
    except QuotaExceeded:
        retention.make_room(LONGEST_REMOVAL)
    return _check(owner_id, ExportFile.objects.stored())


class Limited:
    """A writer that takes no more than a number of bytes. Raises QuotaExceeded at the next one."""

    def __init__(self, target: BinaryIO, most: int | None) -> None:
        self._target = target
        self._left = most

    def write(self, data: bytes) -> int:
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise QuotaExceeded(
                    _("The file becomes larger than what is left of the quota. Narrow it down, or wait.")
                )
        return self._target.write(data)

    def flush(self) -> None:
        self._target.flush()


def _check(owner_id: Any, files: ExportFileQuerySet) -> int | None:
    """Return how many bytes are left beside these files; None for any number. Raises QuotaExceeded for none."""
    limits = [(settings.QUOTA, files)]
    if owner_id is not None:
        limits.append((settings.OWNER_QUOTA, files.filter(owner_id=owner_id)))
    left = min((limit - _taken(those) for limit, those in limits if limit is not None), default=None)
    if left is not None and left <= 0:
        raise QuotaExceeded(_full(owner_id, files))
    return left


def _taken(files: ExportFileQuerySet) -> int:
    return files.aggregate(taken=Sum("bytes"))["taken"] or 0


def _full(owner_id: Any, files: ExportFileQuerySet) -> str:
    if owner_id is not None and settings.OWNER_QUOTA is not None:
        own = _taken(files.filter(owner_id=owner_id))
        if own >= settings.OWNER_QUOTA:
            return _(
                "Your export files take %(taken)s, and may take %(quota)s. Wait until some have expired; each is "
                "kept for %(days)s days."
            ) % {
                "taken": filesizeformat(own),
                "quota": filesizeformat(settings.OWNER_QUOTA),
                "days": f"{settings.KEEP_DAYS:g}",
            }
    return _(
        "All export files together take as much as they may, %(quota)s. Wait until some have expired, or have "
        "EXPORTS['QUOTA'] raised."
    ) % {"quota": filesizeformat(settings.QUOTA)}
