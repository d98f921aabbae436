"""Export files in the storage of the settings: written, recorded, opened again."""

from __future__ import annotations

import tempfile
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.files import File
from django.core.files.storage import FileSystemStorage
from django.utils import timezone

from brokerless import current_task
from brokerless.exports.exceptions import OutputError
from brokerless.exports.formats.layout import Layout
from brokerless.exports.models import ExportFile
from brokerless.exports.writing import Written, new_file, write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from brokerless.exports.exporter import Exporter
    from brokerless.exports.writing import Export

PRIVATE_DIRECTORY = 0o700


@dataclass(frozen=True)
class Request:
    """Who wants what: the exporter, the filters, and the file's owner."""

    exporter: Exporter
    filters: Mapping[str, Any]
    owner_id: Any = None


def store(request: Request, export: Export) -> ExportFile:
    """Write an export into the storage and return its record, which is ready when this returns.

    Raises OutputError with the reason; then neither a file nor a record is left.
    """
    task = current_task()
    record = ExportFile.objects.create(
        exporter=request.exporter.name,
        filters=dict(request.filters),
        name=file_name(request.exporter),
        owner_id=request.owner_id,
        task_id=task.id if task is not None else None,
    )
    try:
        written = _write_into(record, export)
        record.rows, record.bytes, record.sha256 = written.rows, written.bytes, written.sha256
        record.ready_at = timezone.now()
        record.save(update_fields=["rows", "bytes", "sha256", "ready_at"])
    except BaseException as error:
        # They hold the rows' cursor, and while its statement is open SQLite may refuse to write.
        traceback.clear_frames(error.__traceback__)
        with suppress(Exception):  # what is wrong is known already; the storage may be away
            record.storage.delete(record.storage_name)
        record.delete()
        raise
    return record


def file_name(exporter: Exporter) -> str:
    """Return the name under which the user gets the file: what it holds, and the day."""
    day = timezone.localdate().isoformat()
    return f"{exporter.file_name or exporter.name}-{day}{Layout().suffix}"


def local_path(record: ExportFile) -> Path | None:
    """Return where a record's file lies on this machine; None in a storage elsewhere."""
    storage = record.storage
    # Not by trying path(): InMemoryStorage has one, which leads to a file that is not there.
    return Path(storage.path(record.storage_name)) if isinstance(storage, FileSystemStorage) else None


def _write_into(record: ExportFile, export: Export) -> Written:
    path = local_path(record)
    if path is None:
        return _upload(record, export)
    try:
        path.parent.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path.parent} cannot be made: {error.strerror}.") from error
    with new_file(path) as file:
        return write(export, file, compressed=True)


def _upload(record: ExportFile, export: Export) -> Written:
    """Write a nameless local file, and hand it to the storage when it is complete."""
    try:
        with tempfile.TemporaryFile() as file:
            written = write(export, file, compressed=True)
            file.seek(0)
            task = current_task()
            if task is not None:
                task.renew_lease()
            record.storage.save(record.storage_name, File(file))
    except OSError as error:
        raise OutputError(f"The storage cannot be written to: {error.strerror or error}.") from error
    return written
