"""Which part of a file a client asks for, so that a download that broke off is resumed (RFC 9110, 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from brokerless.exports.exceptions import ExportError

if TYPE_CHECKING:
    from django.http import HttpRequest

# Of one range; no number of more digits is any file's.
ONE_RANGE = re.compile(r"bytes[ \t]*=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.ASCII | re.IGNORECASE)


class UnsatisfiableRange(ExportError):  # noqa: N818 - reads as what it says
    """No byte of the file is in the range."""


@dataclass(frozen=True)
class ByteRange:
    """A part of a file: its first and its last byte, both included, of `size` bytes."""

    first: int
    last: int
    size: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1

    @property
    def content_range(self) -> str:
        return f"bytes {self.first}-{self.last}/{self.size}"


def wanted_range(request: HttpRequest, *, size: int, etag: str, last_modified: str) -> ByteRange | None:
    """Return the part of a file that a request wants; None for all of it.

    All of it is the answer, too, to several ranges at once, to other units and to what is no range, as the RFC
    allows; and to a client whose `If-Range` names another file than this.

    Raises UnsatisfiableRange.
    """
    header = request.headers.get("Range")
    if header is None or request.method != "GET" or not _is_same_file(request, etag, last_modified):
        return None
    found = ONE_RANGE.fullmatch(header.strip())
    return _range(*found.groups(), size=size) if found else None


def _is_same_file(request: HttpRequest, etag: str, last_modified: str) -> bool:
    """Tell whether the beginning that the client has is of this file; a weak tag (`W/`) proves nothing."""
    known = request.headers.get("If-Range")
    return known is None or known.strip() in {etag, last_modified}


def _range(first: str, last: str, *, size: int) -> ByteRange | None:
    if not first and not last:
        return None
    if not first:  # so many bytes of its end
        start, end = max(0, size - int(last)), size - 1
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
        if last and int(last) < start:
            return None  # which is no range at all
    if start >= size:
        raise UnsatisfiableRange(f"The file has {size} bytes.")
    return ByteRange(start, end, size)
