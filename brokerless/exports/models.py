"""The records of export files, of their way to each recipient, and of whose the storage is."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from django.conf import settings as django_settings
from django.core.files.storage import Storage, storages
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from brokerless.exports.conf import settings
from brokerless.exports.formats.layout import CSV, FORMATS, GZIP_SUFFIX, GZIP_TYPE
from brokerless.models import TaskState
from brokerless.querysets import OwnedQuerySet

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

ANY_TYPE = "application/octet-stream"
TITLE_LIMIT = 200  # characters
VIEW_FILES = "brokerless_exports.view_exportfile"


class ExportFileQuerySet(OwnedQuerySet):
    """The named sets of files."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser, *, owner: str = "owner_id") -> Self:
        """Select as OwnedQuerySet does; a file whose owner was deleted needs the permission to view files."""
        found = super().visible_to(user, owner=owner)
        is_somebody_s = models.Q((owner, None), was_owned=True)
        return found if user.has_perm(VIEW_FILES) else found.exclude(is_somebody_s)

    def stored(self) -> Self:
        """Select what is complete and takes room in the storage."""
        return self.filter(ready_at__isnull=False, removed_at=None)

    def fetchable(self) -> Self:
        """Select what can still be fetched."""
        return self.stored().exclude(expires_at__lte=timezone.now())

    def expired(self) -> Self:
        """Select what is still stored and cannot be fetched any more, the oldest first."""
        return self.stored().filter(expires_at__lte=timezone.now()).order_by("expires_at", "pk")


class ExportFile(models.Model):
    """A file that an export made.

    Recorded before it is written, so that no file exists that no row knows; `ready_at` is set when it is
    complete under its final name.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    exporter = models.CharField(_("exporter"), max_length=100)
    filters = models.JSONField(_("filters"), default=dict, blank=True)
    name = models.CharField(_("file name"), max_length=200)
    owner = models.ForeignKey(
        django_settings.AUTH_USER_MODEL,
        verbose_name=_("owner"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="export_files",
    )
    task = models.ForeignKey(
        TaskState,
        verbose_name=_("task"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="export_files",
    )
    # Whoever is deleted leaves no owner either; only what never had one was made by hand or by cron.
    was_owned = models.BooleanField(_("had an owner"), default=False, db_default=False, editable=False)
    # The claim of the task under which it was made; nothing for a run that is not recorded.
    lease = models.PositiveIntegerField(_("lease"), null=True, blank=True, editable=False)
    # Of all that was asked for; empty for files from before there was one, which are those of no request.
    request_digest = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)
    title = models.CharField(
        _("title"), max_length=TITLE_LIMIT, blank=True, default="", db_default="", help_text=_("What it holds.")
    )
    # What is new since the first release can be left out by it, while both serve one database.
    format = models.CharField(_("format"), max_length=20, default=CSV, db_default=CSV)
    columns = models.JSONField(
        _("columns"), default=list, blank=True, null=True, help_text=_("The names of the columns; empty for all.")
    )
    rows = models.PositiveBigIntegerField(_("rows"), null=True)
    bytes = models.PositiveBigIntegerField(_("bytes"), null=True)
    sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    ready_at = models.DateTimeField(_("ready at"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    removed_at = models.DateTimeField(
        _("removed at"), null=True, blank=True, help_text=_("When the file was removed; its record stays.")
    )
    # For links that are yet to be made, too: no mail that is just on its way opens the file again.
    links_revoked_at = models.DateTimeField(_("links revoked at"), null=True, blank=True)

    objects = ExportFileQuerySet.as_manager()

    class Meta:
        verbose_name = _("export file")
        verbose_name_plural = _("export files")
        ordering = ["-created_at", "pk"]
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="brokerless_file_owner"),
            # What is to be removed next.
            models.Index(fields=["expires_at"], name="brokerless_file_expiry"),
        ]
        permissions = [("mail_exports_to_others", _("Can mail export files to others"))]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("brokerless_exports:file", args=[self.pk])

    @property
    def is_ready(self) -> bool:
        return self.ready_at is not None

    @property
    def is_expired(self) -> bool:
        """Whether it can be fetched no more: its time is over, even if nobody has removed it yet."""
        is_over = self.expires_at is not None and self.expires_at <= timezone.now()
        return is_over or self.removed_at is not None

    @property
    def is_orphaned(self) -> bool:
        """Whether its owner was deleted: nobody is left who answers for it."""
        return self.was_owned and self.owner_id is None

    @property
    def are_links_revoked(self) -> bool:
        return self.links_revoked_at is not None or self.is_orphaned

    @property
    def is_gzipped(self) -> bool:
        return self.name.endswith(GZIP_SUFFIX)

    @property
    def content_type(self) -> str:
        if self.is_gzipped:
            return GZIP_TYPE
        found = FORMATS.get(self.format)
        return found.content_type if found is not None else ANY_TYPE

    @property
    def storage(self) -> Storage:
        return storages[settings.STORAGE]

    @property
    def storage_name(self) -> str:
        """The file's name in its storage: made of the row's key, never of anything a user wrote."""
        return f"{self.pk}.{self.format}{GZIP_SUFFIX if self.is_gzipped else ''}"

    def complete(self, *, rows: int, size: int, sha256: str) -> None:
        """Record what was written: from now on the file can be fetched, for as long as files are kept."""
        self.rows, self.bytes, self.sha256 = rows, size, sha256
        self.ready_at = timezone.now()
        self.expires_at = self.ready_at + timedelta(days=settings.KEEP_DAYS)
        self.save(update_fields=["rows", "bytes", "sha256", "ready_at", "expires_at"])


class Delivery(models.Model):
    """The mail with one file to one recipient, and the link in it.

    SENDING is written before anything is handed over: what is found in it later was interrupted, and is never sent
    again.
    """

    class Status(models.TextChoices):
        """How far the mail is."""

        WAITING = "WAITING", _("Waiting")  # not sent: before the first try, or it surely failed
        SENDING = "SENDING", _("Being sent")
        SENT = "SENT", _("Sent")  # handed over
        REFUSED = "REFUSED", _("Refused")  # the recipient was refused for good
        UNCERTAIN = "UNCERTAIN", _("Uncertain")  # it may have been delivered; never sent again

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    file = models.ForeignKey(
        ExportFile, verbose_name=_("file"), on_delete=models.CASCADE, related_name="deliveries"
    )
    recipient = models.EmailField(_("recipient"))
    # Who sends it, or did: the task and its claim; nobody for a run that is not recorded.
    task = models.ForeignKey(
        TaskState,
        verbose_name=_("task"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    lease = models.PositiveIntegerField(_("lease"), null=True, blank=True, editable=False)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.WAITING)
    is_link = models.BooleanField(_("is a link"), default=False)
    detail = models.TextField(
        _("detail"), blank=True, help_text=_("What the provider said, when it did not go well.")
    )
    attempted_at = models.DateTimeField(_("attempted at"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    link_expires_at = models.DateTimeField(_("link expires at"), null=True, blank=True)
    link_revoked_at = models.DateTimeField(_("link revoked at"), null=True, blank=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ["recipient"]
        constraints = [models.UniqueConstraint(fields=["file", "recipient"], name="brokerless_one_delivery")]

    def __str__(self) -> str:
        return f"{self.file}: {self.recipient}"

    @property
    def has_open_link(self) -> bool:
        """Whether a link that was mailed still leads to the file."""
        is_open = self.link_expires_at is not None and self.link_expires_at > timezone.now()
        return is_open and self.links_revoked_at is None

    @property
    def links_revoked_at(self) -> datetime | None:
        """When the links to it were revoked, with all those to its file or by themselves."""
        return self.file.links_revoked_at or self.link_revoked_at


class DatabaseIdentity(models.Model):
    """What tells this database from others that store files in the same place: one row, made when it is needed."""

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY, editable=False)
    value = models.UUIDField(default=uuid.uuid4, editable=False)

    class Meta:
        verbose_name = _("identity of the database")
        verbose_name_plural = _("identities of the database")

    def __str__(self) -> str:
        return str(self.value)
