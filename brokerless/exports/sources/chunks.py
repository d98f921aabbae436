"""What a source yields for a format made of text."""

from __future__ import annotations

from typing import NamedTuple


class Chunk(NamedTuple):
    """Some lines of the file, and how many rows they are."""

    data: bytes
    rows: int
