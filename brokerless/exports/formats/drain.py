"""Between a library that writes into a file, and whoever takes the bytes piece by piece."""

from __future__ import annotations


class Drain:
    """A file that is written to, and emptied as often as one likes; it knows how much went through it."""

    closed = False

    def __init__(self) -> None:
        self._pending = bytearray()
        self._position = 0

    def write(self, data: bytes) -> int:
        # Measured first: `data` may be any buffer, whose length is not its number of bytes.
        size = memoryview(data).nbytes
        self._pending += data
        self._position += size
        return size

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken = bytes(self._pending)
        self._pending.clear()
        return taken

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Do nothing: what was written can be taken at any time."""

    def close(self) -> None:
        """Do nothing: what was written last is still to be taken."""
