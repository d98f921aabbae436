"""Who may take back what others have made: its owner, and staff with a permission."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokerless.exports.exceptions import PermissionRefused, UnknownExporter
from brokerless.exports.registry import get_exporter

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

    from brokerless.exports.models import ExportFile

REMOVE_FILES = "brokerless_exports.delete_exportfile"
REVOKE_LINKS = "brokerless_exports.change_exportfile"


def may_remove(record: ExportFile, user: AbstractBaseUser) -> bool:
    """Tell whether a user who may see the file may also have it removed."""
    return _may(record, user, REMOVE_FILES)


def may_revoke(record: ExportFile, user: AbstractBaseUser) -> bool:
    """Tell whether a member of the staff who may see the file may also have its links revoked."""
    return _may(record, user, REVOKE_LINKS)


def may_download(record: ExportFile, user: AbstractBaseUser) -> bool:
    """Tell whether a user who may see the file may fetch it, which takes the exporter's permission, too."""
    try:
        get_exporter(record.exporter).check_permission(user)
    except (UnknownExporter, PermissionRefused):
        return False
    return True


def _may(record: ExportFile, user: AbstractBaseUser, permission: str) -> bool:
    is_owner = record.owner_id is not None and record.owner_id == user.pk
    return is_owner or (user.is_staff and user.has_perm(permission))
