"""Export files in the storage of the settings: recorded, and written."""

from __future__ import annotations

import logging
import os
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.core.files import File
from django.core.files.storage import FileSystemStorage
from django.db import IntegrityError
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from brokerless import current_task
from brokerless.exports.conf import settings
from brokerless.exports.exceptions import OutputError, PermissionRefused
from brokerless.exports.files import ownership, quota, retention
from brokerless.exports.files.removal import reason
from brokerless.exports.models import TITLE_LIMIT, ExportFile
from brokerless.exports.writing import PRIVATE_FILE, Written, new_file, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from brokerless.exports.exporter import Exporter
    from brokerless.exports.files.request import Request
    from brokerless.exports.formats.layout import Layout
    from brokerless.exports.writing import Export

logger = logging.getLogger("brokerless.exports")

PRIVATE_DIRECTORY = 0o700
# The methods of a storage that see what is in its files.
READ_AND_WRITTEN_BY = ("save", "_save", "open", "_open")


def store(request: Request, export: Export) -> ExportFile:
    """Write an export into the storage and return its record, which is ready when this returns.

    Files that have expired make room for it first.

    Raises OutputError with the reason; then neither a file nor a record is left.
    """
    retention.make_room()
    room = quota.room(request.owner_id)
    record = _record(request)
    try:
        written = _write_into(record, export, room)
        record.complete(rows=written.rows, size=written.bytes, sha256=written.sha256)
    except BaseException as error:
        # They hold the rows' cursor, and while its statement is open SQLite may refuse to write.
        traceback.clear_frames(error.__traceback__)
        _give_up(record)
        raise
    return record


def describe(record: ExportFile) -> dict[str, Any]:
    """Return a file's record as the result of the task that made it."""
    result = {
        "file": str(record.pk),
        "name": record.name,
        "rows": record.rows,
        "bytes": record.bytes,
        "sha256": record.sha256,
        "expires_at": record.expires_at.isoformat() if record.expires_at is not None else None,
    }
    try:
        about = reverse("brokerless_exports:about_file", args=[record.pk])
        return result | {"download": record.get_absolute_url(), "details": about}
    except NoReverseMatch:  # the site does not include the URLs of the exports
        return result


def file_name(exporter: Exporter, layout: Layout) -> str:
    """Return the name under which the user gets the file: what it holds, the day, and its kind."""
    day = timezone.localdate().isoformat()
    return f"{exporter.file_name or exporter.name}-{day}{layout.suffix}"


def local_path(record: ExportFile) -> Path | None:
    """Return where a record's file lies on this machine as it is; None in a storage elsewhere, or of its own ways.

    A storage that encrypts, for one, has methods of its own: its files are neither written nor read past them.
    """
    storage = record.storage
    # Not by trying path(): InMemoryStorage has one, which leads to a file that is not there.
    if not isinstance(storage, FileSystemStorage):
        return None
    kind = type(storage)
    is_plain = all(getattr(kind, name) is getattr(FileSystemStorage, name) for name in READ_AND_WRITTEN_BY)
    return Path(storage.path(record.storage_name)) if is_plain else None


def _record(request: Request) -> ExportFile:
    task = current_task()
    try:
        return ExportFile.objects.create(
            exporter=request.exporter.name,
            filters=dict(request.filters),
            columns=list(request.columns),
            format=request.layout.format,
            name=file_name(request.exporter, request.layout),
            title=request.title[:TITLE_LIMIT],
            owner_id=request.owner_id,
            was_owned=request.owner_id is not None,
            task_id=task.id if task is not None else None,
            lease=task.lease if task is not None else None,
            request_digest=request.digest(),
        )
    except IntegrityError:
        _check_owner(request)
        raise


def _check_owner(request: Request) -> None:
    if request.owner_id is not None and not get_user_model().objects.filter(pk=request.owner_id).exists():
        raise PermissionRefused(_("The user who asked for this export is no longer there."))


def _give_up(record: ExportFile) -> None:
    """Remove a file that was not completed, and its record with it.

    What cannot be removed now keeps its record, unready, and is the purge's. No error is raised: the first one
    says why there is no file, and this is logged.
    """
    try:
        with suppress(FileNotFoundError, NotADirectoryError):  # it was never begun
            record.storage.delete(record.storage_name)
    except Exception:  # every storage's library has errors of its own
        logger.exception("file=%s What was written of it cannot be removed, and is left to the purge.", record.pk)
        _try(ExportFile.objects.filter(pk=record.pk).update, ready_at=None)
    else:
        _try(record.delete)


def _try(step: Callable[..., Any], **values: Any) -> None:
    try:
        step(**values)
    except Exception:  # the database may be what is away
        logger.exception("The record of a file that was not completed stays as it was.")


def _write_into(record: ExportFile, export: Export, room: int | None) -> Written:
    path = local_path(record)
    if path is None:
        return _upload(record, export, room)
    try:
        path.parent.mkdir(mode=_mode("directory", PRIVATE_DIRECTORY), parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path.parent} cannot be made: {error.strerror}.") from error
    ownership.put_stamp(record.storage)
    with new_file(path) as file:
        written = write(export, quota.Limited(file, room))
        os.fchmod(file.fileno(), _mode("file", PRIVATE_FILE))
    return written


def _mode(kind: str, private: int) -> int:
    """Return the mode of a new file or directory: a private one, if the storage's own options name no other.

    Not what the storage makes of it where they are silent, which is for files that everybody may read.
    """
    options = django_settings.STORAGES[settings.STORAGE].get("OPTIONS", {})
    return options.get(f"{kind}_permissions_mode") or private


def _upload(record: ExportFile, export: Export, room: int | None) -> Written:
    """Write a nameless local file, and hand it to the storage when it is complete."""
    try:
        with tempfile.TemporaryFile() as file:
            written = write(export, quota.Limited(file, room))
            file.seek(0)
            task = current_task()
            if task is not None:
                task.renew_lease()
            _hand_over(record, File(file))
    except OSError as error:  # the storage's are those of its own ways
        text = f"A temporary file cannot be written: {reason(error)}. TMPDIR names another directory for it."
        raise OutputError(text) from error
    return written


def _hand_over(record: ExportFile, file: File) -> None:
    storage = record.storage
    try:
        ownership.put_stamp(storage)
        saved = storage.save(record.storage_name, file)
        if saved != record.storage_name:  # where nobody would find it
            storage.delete(saved)
    except Exception as error:  # every storage's library has errors of its own
        raise OutputError(f"The storage cannot be written to: {reason(error)}.") from error
    if saved != record.storage_name:
        raise OutputError(
            f"The storage stores a file as {saved!r} that it was given as {record.storage_name!r}: exports need "
            "one that keeps to names."
        )
