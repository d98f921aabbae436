"""Who an export is mailed to: e-mail addresses, and whether they may be mailed to."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unicodedata import normalize

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from brokerless.exports.conf import settings
from brokerless.exports.exceptions import InvalidRecipients, PermissionRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

MAIL_TO_OTHERS = "brokerless_exports.mail_exports_to_others"
LONGEST_ADDRESS = 254  # characters (RFC 5321, 4.5.3.1.3, less the angle brackets)


def check_recipients(user: AbstractBaseUser | AnonymousUser | None, recipients: Sequence[str]) -> None:
    """Raise unless an export may be mailed to these addresses.

    user: who asks for it; None for a run by hand or by cron, which is trusted with the addresses.

    Raises InvalidRecipients for what is no address, and for more of them than EXPORTS["MAX_RECIPIENTS"];
    PermissionRefused for another address than the user's own without the permission.
    """
    addresses = unique(recipients)
    for address in addresses:
        try:
            check_address(address)
        except ValueError as error:
            raise InvalidRecipients(str(error)) from None
    if len(addresses) > settings.MAX_RECIPIENTS:
        raise InvalidRecipients(
            _("These are %(count)s addresses, but an export is mailed to %(most)s at most.")
            % {"count": len(addresses), "most": settings.MAX_RECIPIENTS}
        )
    if user is not None:
        _check_permission(user, addresses)


def check_address(text: str) -> str:
    """Return an e-mail address. Raises ValueError for what is none, line breaks included."""
    try:
        validate_email(text)
        # Django's own rule lets letters through that are capitals of "k" and "s" beside "K" and "S".
        is_address = text.rpartition("@")[0].isascii()
    except ValidationError:
        is_address = False
    if not is_address:
        raise ValueError(_("%(text)r is no e-mail address") % {"text": text})
    if len(text) > LONGEST_ADDRESS:
        values = {"text": text, "most": LONGEST_ADDRESS}
        raise ValueError(_("%(text)r is longer than an e-mail address may be: %(most)s characters") % values)
    return text


def own_address(user: AbstractBaseUser | AnonymousUser) -> str:
    """Return a user's own e-mail address; an empty text for none."""
    name = getattr(user, "get_email_field_name", lambda: "email")()
    return getattr(user, name, "") or ""


def unique(recipients: Iterable[str]) -> list[str]:
    """Return the addresses, each once: hardly any mailbox tells capitals apart, and nobody wants two mails."""
    found: dict[str, str] = {}
    for address in recipients:
        found.setdefault(mailbox(address), address)
    return list(found.values())


def mailbox(address: str) -> str:
    """Return what all spellings of one address have in common, and those of no other have.

    Capitals of ASCII alone: there are other letters whose small ones are an ASCII letter. A domain is as the DNS
    has it.
    """
    local, _at, domain = address.strip().rpartition("@")
    return f"{local.lower() if local.isascii() else local}@{_ascii_domain(domain)}"


def spellings(address: str) -> set[str]:
    """Return how an address may have been written down: its domain in its own letters, and as the DNS has it."""
    local, _at, domain = address.strip().rpartition("@")
    ascii_domain = _ascii_domain(domain)
    try:
        own_letters = ascii_domain.encode("ascii").decode("idna")
    except UnicodeError:
        own_letters = domain
    return {address, f"{local}@{ascii_domain}", f"{local}@{own_letters}"}


def _ascii_domain(domain: str) -> str:
    """Return a domain as the DNS has it; as it is where that is disputed, as of ß, which IDNA once took for ss."""
    plain = normalize("NFC", domain.lower())
    try:
        encoded = plain.encode("idna")
        return encoded.decode("ascii") if encoded.decode("idna") == plain else plain
    except UnicodeError:
        return plain


def _check_permission(user: AbstractBaseUser | AnonymousUser, addresses: Sequence[str]) -> None:
    own = mailbox(own_address(user))
    others = [address for address in addresses if mailbox(address) != own]
    if others and not user.has_perm(MAIL_TO_OTHERS):
        raise PermissionRefused(
            _("%(user)s may not mail exports to %(others)s: the permission %(permission)s is needed.")
            % {"user": user, "others": ", ".join(others), "permission": MAIL_TO_OTHERS}
        )
