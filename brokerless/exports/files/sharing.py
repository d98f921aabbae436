"""Who may fetch a file by a mailed link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Q
from django.utils.translation import gettext as _

from brokerless.exports.conf import settings
from brokerless.exports.exceptions import ExportError, PermissionRefused
from brokerless.exports.mailing.recipients import mailbox, spellings
from brokerless.exports.registry import get_exporter

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

    from brokerless.exports.models import Delivery


class LoginNeeded(ExportError):  # noqa: N818 - reads as what it says
    """Whoever follows the link is to log in first."""


def check_access(delivery: Delivery, visitor: AbstractBaseUser | AnonymousUser) -> None:
    """Let a visitor with the link of a delivery have its file, or raise.

    A recipient who has an account must be logged in with it, and have the exporter's permission still. One who
    has none may fetch the file as long as whoever had it mailed may: somebody who has left the house, or was
    deleted, gives nothing out. `LINKS_REQUIRE_LOGIN` lets no visitor in without an account and the permission.

    Raises LoginNeeded, PermissionRefused, and UnknownExporter.
    """
    exporter = get_exporter(delivery.file.exporter)
    accounts = _accounts_of(delivery.recipient)
    if accounts or settings.LINKS_REQUIRE_LOGIN:
        if not visitor.is_authenticated:
            raise LoginNeeded(_("Log in first, with the account of the address that the link was sent to."))
        if accounts and visitor.pk not in {account.pk for account in accounts}:
            raise PermissionRefused(
                _("This link was sent to somebody else. Log out, and log in with the account it was sent to.")
            )
        exporter.check_permission(visitor)
        return
    if delivery.file.owner_id is None and not delivery.file.was_owned:
        return  # made by hand or by cron: whoever has the machine has decided
    owner = delivery.file.owner
    if owner is None or not owner.is_active or not owner.has_perm(exporter.required_permission()):
        raise PermissionRefused(_("Whoever sent you this link may not give the file out any more."))


def _accounts_of(address: str) -> list[AbstractBaseUser]:
    """Return the accounts with an address, also those that are locked: nobody fetches in their place."""
    model = get_user_model()
    name = model.get_email_field_name()
    try:
        model._meta.get_field(name)  # noqa: SLF001 - Django's documented interface
    except FieldDoesNotExist:
        return []
    is_like = Q()
    for spelling in spellings(address):
        is_like |= Q(**{f"{name}__iexact": spelling})
    found = model._default_manager.filter(is_like)  # noqa: SLF001
    # A database's notion of capitals takes other letters for the same, too.
    return [account for account in found if mailbox(getattr(account, name)) == mailbox(address)]
