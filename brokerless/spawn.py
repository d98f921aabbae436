"""The only module that starts processes."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from brokerless.exceptions import SpawnError
from brokerless.processes import spawning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

ChildProcess = subprocess.Popen[bytes]


def spawn(
    words: Sequence[str],
    *,
    directory: str | Path,
    environment: Mapping[str, str],
    output: int,
    inherit: Sequence[int] = (),
    new_session: bool = True,
) -> ChildProcess:
    """Start a process with nothing to read, writing to the file descriptor `output`.

    inherit: further file descriptors that it gets under their numbers; all others are closed.
    new_session: take it out of the terminal's and the service's process group.
    Raises SpawnError with the system's reason.
    """
    try:
        with spawning:
            return subprocess.Popen(  # noqa: S603 - a list that the settings and the registry of commands make
                [str(word) for word in words],
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=inherit,
                start_new_session=new_session,
            )
    except (OSError, ValueError) as error:
        raise SpawnError(f"{' '.join(map(str, words))}: {error}") from error


def ended_with(child: ChildProcess, *, within: float) -> int | None:
    """Return a child's exit code, negative for a signal; None if it has not ended within so many seconds."""
    try:
        return child.wait(timeout=within)
    except subprocess.TimeoutExpired:
        return None
