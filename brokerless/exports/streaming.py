"""Sending a file piece by piece, under WSGI and under ASGI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

from brokerless.exports.formats import GZIP_TYPE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from django.core.files import File
    from django.http import HttpRequest

    from brokerless.exports.models import ExportFile

PIECE = 256 * 1024  # bytes


def file_response(request: HttpRequest, record: ExportFile) -> StreamingHttpResponse:
    """Return the response that sends a record's file. Raises FileNotFoundError when it is not there."""
    file = record.storage.open(record.storage_name)
    # Django would read a plain iterator to its end under ASGI before it sent the first byte.
    pieces = _pieces_async(file) if isinstance(request, ASGIRequest) else _pieces(file)
    return StreamingHttpResponse(
        pieces,
        # And no Content-Encoding: the file is compressed, not the transfer; a browser must not unpack it.
        content_type=GZIP_TYPE,
        headers={
            "Content-Length": str(record.bytes),
            "Content-Disposition": content_disposition_header(True, record.name),
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _pieces(file: File) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece


async def _pieces_async(file: File) -> AsyncIterator[bytes]:
    read = sync_to_async(file.read, thread_sensitive=False)
    try:
        while piece := await read(PIECE):
            yield piece
    finally:
        file.close()
