"""File formats: from blocks of rows to bytes."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def encode_csv(header: Sequence[str], blocks: Iterable[list[Sequence[Any]]]) -> Iterator[bytes]:
    """Yield a CSV file piece by piece: UTF-8, a header, commas, quotes where needed, lines ended by LF.

    LF and not RFC 4180's CRLF, as databases write it: every row source gives the same bytes.
    """
    yield _lines([header]).encode()
    for block in blocks:
        yield _lines(block).encode()


def _lines(rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    lines = text.getvalue()
    # Before Python 3.13 the module leaves a CR unquoted unless it ends lines; then no reader takes the cell back.
    return "".join(map(_line, rows)) if "\r" in lines else lines


def _line(row: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(row)
    return text.getvalue().removesuffix("\r\n") + "\n"
