"""`manage.py tasks tick`."""

from __future__ import annotations

from typing import Any

from brokerless.management.subcommands.base import Subcommand, counted
from brokerless.pausing import is_paused
from brokerless.tick import tick


class Tick(Subcommand):
    """One round of housekeeping, for cron and for whoever wants to be sure."""

    name = "tick"
    help = (
        "Bring every unfinished task to the truth, start what may run on this host, and say in one line what was "
        "done. It is safe at any time and many times at once; for cron add --verbosity 0."
    )

    def run(self, **_: Any) -> None:
        corrected, started = tick()
        done = [f"{counted(corrected)} brought to the truth"] if corrected else []
        done += [f"{counted(started)} started"] if started else []
        if is_paused():
            done.append("nothing is started here while tasks are paused")
        line = ", ".join(done) or "nothing to do"
        self.say(f"{line[0].upper()}{line[1:]}.")
