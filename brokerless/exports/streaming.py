"""Sending a file piece by piece, under WSGI and under ASGI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header

from brokerless.exports.formats.layout import GZIP_TYPE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from django.core.files import File
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from brokerless.exports.models import ExportFile

PIECE = 256 * 1024  # bytes


def file_response(request: HttpRequest, record: ExportFile) -> HttpResponseBase:
    """Return the response that sends a record's file. Raises FileNotFoundError when it is not there."""
    file = record.storage.open(record.storage_name)
    headers = {
        # And no Content-Encoding: the file is compressed, not the transfer; a browser must not unpack it.
        "Content-Type": GZIP_TYPE,
        "Content-Length": str(record.bytes),
        "Content-Disposition": content_disposition_header(True, record.name),
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    if request.method == "HEAD":
        file.close()
        return HttpResponse(headers=headers)
    # Django would read a plain iterator to its end under ASGI before it sent the first byte.
    pieces = AsyncPieces(file) if isinstance(request, ASGIRequest) else Pieces(file)
    return StreamingHttpResponse(pieces, headers=headers)


class Pieces:
    """A file piece by piece. Its response closes it, also when the client is gone before the first piece."""

    def __init__(self, file: File) -> None:
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._file.read(PIECE):
            yield piece

    def close(self) -> None:
        self._file.close()


class AsyncPieces:
    """The same for ASGI: the file is read in a thread, as the loop serves others meanwhile."""

    def __init__(self, file: File) -> None:
        self._file = file

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = sync_to_async(self._file.read, thread_sensitive=False)
        while piece := await read(PIECE):
            yield piece

    def close(self) -> None:
        self._file.close()
