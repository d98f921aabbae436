"""The links in mails: signed over the row of a delivery, for a while, and revocable."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner
from django.db import router
from django.db.models.signals import pre_delete
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from brokerless import current_task
from brokerless.context import restored, without_request
from brokerless.exports.conf import settings
from brokerless.exports.exceptions import ExportError
from brokerless.exports.models import Delivery, ExportFile

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import AbstractBaseUser

# No signature that this site makes for anything else can be taken for one of a link, nor the other way round.
SALT = "brokerless.exports.files.links"
SEPARATOR = "."  # which no mail program takes for anything but a part of the address


class LinkError(ExportError):
    """The link is none of this site's."""

    status = HTTPStatus.NOT_FOUND


class SpentLink(LinkError):  # noqa: N818 - reads as what it says
    """The link was one; it has expired, or was revoked, or its file was removed."""

    status = HTTPStatus.GONE


def sign(delivery: Delivery) -> str:
    """Return the token that leads to a delivery's file, and note on the row until when.

    Raises SpentLink when the links to it, or all to the file, were revoked: no other is made then.
    """
    # As it is now: who made the file may have revoked its links while mails were on their way, or be gone.
    using = router.db_for_write(Delivery)
    file = ExportFile.objects.using(using).filter(pk=delivery.file_id).first()
    delivery.refresh_from_db(using=using, fields=["link_revoked_at"])
    if file is None or file.are_links_revoked or delivery.link_revoked_at is not None:
        raise SpentLink(_("The links to this file were revoked; make the file again."))
    delivery.link_expires_at = expires_at(delivery)
    delivery.save(update_fields=["link_expires_at"])
    return _signer().sign(delivery.pk.hex)


def read(token: str) -> Delivery:
    """Return the delivery, with its file, that a token leads to.

    Raises LinkError for what was not signed here, and SpentLink for what expired, was revoked or removed.
    """
    delivery = _found(token)
    file = delivery.file
    if file.are_links_revoked or delivery.link_revoked_at is not None:
        raise SpentLink(_("This link was revoked by whoever made the file."))
    if _is_too_old(token) or not delivery.link_expires_at or delivery.link_expires_at <= timezone.now():
        raise SpentLink(_("This link has expired. Ask whoever sent it to you for another."))
    if file.is_expired:
        raise SpentLink(_("The file is no longer there. Ask whoever sent it to you for another."))
    return delivery


def expires_at(delivery: Delivery) -> datetime:
    """Return until when a link made now leads to the file: no longer than the file is kept."""
    moment = timezone.now() + timedelta(days=settings.LINK_DAYS)
    kept_until = delivery.file.expires_at
    return moment if kept_until is None else min(moment, kept_until)


def absolute_url(delivery: Delivery) -> str:
    """Return the address to mail to a delivery's recipient.

    Raises BrokerlessError when nothing says where the site is, NoReverseMatch when the site has no such pages,
    and SpentLink when the links were revoked.
    """
    task = current_task()
    context = without_request() if task is None else task.context
    # A task's context is restored already; by hand nothing has said yet under which prefix the site is.
    with nullcontext() if task is not None else restored(context):
        path = reverse("brokerless_exports:shared", args=[sign(delivery)])
    return context.build_absolute_uri(path)


def revoke(*, using: str | None = None, **which: Any) -> int:
    """Have all links to files lead nowhere, at once and for good; none is made for mails that are yet to go out.

    which: the files, as a filter of them. Return how many links there were.
    """
    files = ExportFile.objects.using(using or router.db_for_write(ExportFile)).filter(**which)
    now = timezone.now()
    open_links = Delivery.objects.using(files.db).filter(file__in=files, link_revoked_at=None)
    count = open_links.update(link_revoked_at=now)
    files.filter(links_revoked_at=None).update(links_revoked_at=now)
    return count


def connect() -> None:
    """Have the links to a user's files revoked when the user is deleted: nobody is left who answers for them."""
    pre_delete.connect(_revoke_those_of, sender=get_user_model(), dispatch_uid=SALT)


def _revoke_those_of(instance: AbstractBaseUser, using: str, **_: Any) -> None:
    # For a user who is in another database than the files there is no foreign key either.
    # What the release before this one made does not say whether it had an owner.
    ExportFile.objects.using(using).filter(owner_id=instance.pk, was_owned=False).update(was_owned=True)
    revoke(using=using, owner_id=instance.pk)


def _found(token: str) -> Delivery:
    broken = LinkError(_("There is no such link. Perhaps the mail program cut it; copy the whole address."))
    try:
        key = UUID(_signer().unsign(token))
    except (BadSignature, ValueError):
        raise broken from None
    found = Delivery.objects.select_related("file__owner", "file__task").filter(pk=key).first()
    if found is None:  # with its file's record, long ago
        raise broken
    return found


def _is_too_old(token: str) -> bool:
    """Tell whether a token is older than the settings allow now, whatever they were when it was made."""
    try:
        _signer().unsign(token, max_age=timedelta(days=settings.LINK_DAYS))
    except SignatureExpired:
        return True
    return False


def _signer() -> TimestampSigner:
    return TimestampSigner(sep=SEPARATOR, salt=SALT)
