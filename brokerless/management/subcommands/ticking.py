"""`manage.py tasks tick`."""

from __future__ import annotations

from typing import Any

from brokerless.failure_mails import send_failure_mails
from brokerless.hosts import note_tick
from brokerless.management.subcommands.base import Subcommand, counted
from brokerless.management.subcommands.purging import done as purged_words
from brokerless.pausing import is_paused
from brokerless.purging import purge_daily
from brokerless.tick import tick


class Tick(Subcommand):
    """One round of housekeeping, for cron and for whoever wants to be sure."""

    name = "tick"
    help = (
        "Bring every unfinished task to the truth, start what may run on this host, send the mails about "
        "failures, purge once a day, and say in one line what was done. It is safe at any time and many times at "
        "once; for cron add --verbosity 0."
    )

    def run(self, **_: Any) -> None:
        corrected, started = tick()
        note_tick()
        done = [f"{counted(corrected)} brought to the truth"] if corrected else []
        done += [f"{counted(started)} started"] if started else []
        if is_paused():
            done.append("nothing is started here while tasks are paused")
        # What may take its time comes last: nothing waits for it.
        if sent := send_failure_mails():
            done.append(f"{counted(sent, 'mail')} sent")
        purged = purge_daily()
        if purged is not None and (words := purged_words(purged)):
            done.append(f"{', '.join(words)} purged")
        line = ", ".join(done) or "nothing to do"
        self.say(f"{line[0].upper()}{line[1:]}.")
