"""File formats: from blocks of rows to bytes."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

CSV_SUFFIX = ".csv"
CSV_TYPE = "text/csv; charset=utf-8"
GZIP_SUFFIX = ".gz"
GZIP_TYPE = "application/gzip"


def encode_csv(header: Sequence[str], blocks: Iterable[list[Sequence[Any]]]) -> Iterator[bytes]:
    """Yield a CSV file piece by piece: UTF-8, a header, commas, quotes where needed, lines ended by LF.

    LF and not RFC 4180's CRLF, as databases write it: every row source gives the same bytes.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for block in blocks:
        writer.writerows(block)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()
