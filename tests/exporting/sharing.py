"""Files with a mailed link, for the tests of links and of what is removed."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from django.core.files.base import ContentFile
from django.utils import timezone

from brokerless.exports.models import Delivery, ExportFile

DATA = b"\x1f\x8b a file"


def make_stored_file(data: bytes = DATA, **values: Any) -> ExportFile:
    """Return a file that is stored and ready, kept for a week if nothing else is said."""
    now = timezone.now()
    usual = {
        "exporter": "books",
        "name": "books.csv.gz",
        "rows": 1,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "ready_at": now,
        "expires_at": now + timedelta(days=7),
    }
    record = ExportFile.objects.create(**usual | values)
    record.storage.save(record.storage_name, ContentFile(data))
    return record


def make_delivery(recipient: str = "eve@example.org", **values: Any) -> Delivery:
    return Delivery.objects.create(file=make_stored_file(**values), recipient=recipient)


def ago(**keywords: float) -> Any:
    return timezone.now() - timedelta(**keywords)
