"""How much of the processor a command leaves to others."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def be_nice(niceness: int) -> None:
    """Make this process's group as nice as that, with whatever it starts, if it is not nicer already.

    The group, as an import may have started threads, and on Linux each thread has a niceness of its own.
    """
    with suppress(OSError):  # no reason not to run
        if niceness <= os.getpriority(os.PRIO_PROCESS, 0):
            return
        os.setpriority(os.PRIO_PGRP, 0, niceness)
        # Where the kernel shares the processor between sessions first, a niceness counts within one only, and
        # the session has its own (sched(7), "The autogroup feature").
        Path("/proc/self/autogroup").write_text(str(niceness))
