"""Cuts the connection of a client that does not read, which its server would keep open for as long as it likes."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# Of this process, on Linux and on macOS.
DESCRIPTORS = Path("/dev/fd")
FAMILIES = (socket.AF_INET, socket.AF_INET6)


def cut(scope: Mapping[str, Any]) -> bool:
    """Shut an ASGI request's connection down, and tell whether it was found.

    ASGI has no way to say that what is written already is not to be waited for, nor has a server one to be asked:
    so the socket is looked for by its two addresses. Behind a proxy whose word is taken for the client's address
    none is found, and proxies do not wait for ever.
    """
    ends = _ends(scope)
    if ends is None:
        return False
    return any(_cut_if(int(file.name), ends) for file in DESCRIPTORS.iterdir())


def _ends(scope: Mapping[str, Any]) -> tuple[tuple[Any, ...], ...] | None:
    client, server = scope.get("client"), scope.get("server")
    return (tuple(client[:2]), tuple(server[:2])) if client and server and server[1] else None


def _cut_if(descriptor: int, ends: tuple[tuple[Any, ...], ...]) -> bool:
    # An error says that this is no socket, or not connected, or gone.
    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as found:
        if found.family in FAMILIES and (found.getpeername()[:2], found.getsockname()[:2]) == ends:
            found.shutdown(socket.SHUT_RDWR)
            return True
    return False
