"""Sending a file, or a part of it, piece by piece, under WSGI and under ASGI; or having nginx send it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, StreamingHttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, http_date, quote_etag

from brokerless.exports.conf import settings
from brokerless.exports.exceptions import ExportError
from brokerless.exports.files.ranges import wanted_range
from brokerless.exports.files.removal import reason
from brokerless.exports.files.storing import local_path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from django.core.files import File
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from brokerless.exports.models import ExportFile

PIECE = 256 * 1024  # bytes


class StorageAway(ExportError):  # noqa: N818 - reads as what it says
    """The storage cannot be asked for the file just now."""


def file_response(request: HttpRequest, record: ExportFile) -> HttpResponseBase:
    """Return the response that sends a record's file, or what the request wants of it.

    Raises FileNotFoundError when it is not there, StorageAway when nobody knows, and UnsatisfiableRange.
    """
    # Or GZipMiddleware would compress it again, and a part of it into a whole.
    request.META.pop("HTTP_ACCEPT_ENCODING", None)
    if settings.ACCEL_REDIRECT and local_path(record) is not None:
        return _left_to_nginx(record)
    return _unless_unchanged(request, record) or _streamed(request, record)


def _left_to_nginx(record: ExportFile) -> HttpResponse:
    """Name the file to nginx, which sees to ranges and conditions itself, by tags of its own."""
    if not record.storage.exists(record.storage_name):
        raise FileNotFoundError(record.storage_name)
    path = f"{settings.ACCEL_REDIRECT.rstrip('/')}/{quote(record.storage_name)}"
    return HttpResponse(headers=_usual_headers(record) | {"X-Accel-Redirect": path})


def _unless_unchanged(request: HttpRequest, record: ExportFile) -> HttpResponseBase | None:
    """Answer that the client has the file already, or another than it thinks; None when it is to be sent."""
    if request.method not in {"GET", "HEAD"}:
        return None
    response = HttpResponse(headers=_usual_headers(record) | _validators(record))
    found = get_conditional_response(
        request, etag=_etag(record), last_modified=int(record.ready_at.timestamp()), response=response
    )
    return None if found is response else found


def _streamed(request: HttpRequest, record: ExportFile) -> HttpResponseBase:
    headers = _usual_headers(record) | _validators(record) | {"Accept-Ranges": "bytes"}
    part = wanted_range(request, size=record.bytes, etag=_etag(record), last_modified=headers["Last-Modified"])
    first, length = (0, record.bytes) if part is None else (part.first, part.length)
    headers["Content-Length"] = str(length)
    if part is not None:
        headers["Content-Range"] = part.content_range
    file = _opened(record, first)
    if request.method == "HEAD":
        file.close()
        return HttpResponse(headers=headers)
    # Django would read a plain iterator to its end under ASGI before it sent the first byte.
    kind = AsyncPieces if isinstance(request, ASGIRequest) else Pieces
    status = HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT
    return StreamingHttpResponse(kind(file, length), headers=headers, status=status)


def _usual_headers(record: ExportFile) -> dict[str, str]:
    return {
        # And no Content-Encoding: the file is compressed, not the transfer; a browser must not unpack it.
        "Content-Type": record.content_type,
        "Content-Disposition": content_disposition_header(True, record.name),
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }


def _validators(record: ExportFile) -> dict[str, str]:
    """Return what a client that resumes a download names the file by."""
    return {"ETag": _etag(record), "Last-Modified": http_date(record.ready_at.timestamp())}


def _etag(record: ExportFile) -> str:
    """Return a strong tag: of these very bytes."""
    return quote_etag(record.sha256 or record.pk.hex)


def _opened(record: ExportFile, first: int) -> File:
    """Open a record's file at a byte. Raises FileNotFoundError and StorageAway."""
    try:
        file = record.storage.open(record.storage_name)
        try:
            _go_to(file, first)
        except BaseException:
            file.close()
            raise
    except FileNotFoundError:
        raise
    except Exception as error:  # every storage's library has errors of its own
        raise StorageAway(reason(error)) from error
    return file


def _go_to(file: File, first: int) -> None:
    """Move to a byte, also in a file of a storage that can only be read from its beginning on."""
    if first and file.seekable():
        file.seek(first)
        return
    while first and (skipped := file.read(min(PIECE, first))):
        first -= len(skipped)


class _OpenFile:
    """So many bytes of a file. Its response closes it, also when the client is gone before the first piece."""

    def __init__(self, file: File, length: int) -> None:
        self._file = file
        self._left = length

    def close(self) -> None:
        self._file.close()

    def _read(self) -> bytes:
        piece = self._file.read(min(PIECE, self._left))
        self._left -= len(piece)
        return piece


class Pieces(_OpenFile):
    """A file piece by piece."""

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._read():
            yield piece


class AsyncPieces(_OpenFile):
    """The same for ASGI: the file is read in a thread, as the loop serves others meanwhile."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = sync_to_async(self._read, thread_sensitive=False)
        while piece := await read():
            yield piece
