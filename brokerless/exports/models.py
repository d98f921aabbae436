"""The record of an export file."""

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
    rows = models.PositiveBigIntegerField(_("rows"), null=True)
    bytes = models.PositiveBigIntegerField(_("bytes"), null=True)
    sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    ready_at = models.DateTimeField(_("ready at"), null=True, blank=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        verbose_name = _("export file")
        verbose_name_plural = _("export files")
        ordering = ["-created_at", "pk"]
        indexes = [models.Index(fields=["owner", "-created_at"], name="brokerless_file_owner")]

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
