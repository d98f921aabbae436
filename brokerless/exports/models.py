"""The records of export files, and of their way to each recipient."""

from __future__ import annotations

import uuid
from pathlib import PurePath

from django.conf import settings as django_settings
from django.core.files.storage import Storage, storages
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from brokerless.exports.conf import settings
from brokerless.exports.formats.layout import CSV
from brokerless.models import OwnedQuerySet, TaskState


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
    format = models.CharField(_("format"), max_length=20, default=CSV)
    columns = models.JSONField(
        _("columns"), default=list, blank=True, help_text=_("The names of the columns; empty for all.")
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

    objects = OwnedQuerySet.as_manager()

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
    def storage(self) -> Storage:
        return storages[settings.STORAGE]

    @property
    def storage_name(self) -> str:
        """The file's name in its storage: made of the row's key, never of anything a user wrote."""
        return str(self.pk) + "".join(PurePath(self.name).suffixes)


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
