"""`manage.py tasks pause` and `manage.py tasks resume`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brokerless import pausing
from brokerless.management.subcommands.base import Subcommand, counted

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Pause(Subcommand):
    """Start nothing more."""

    name = "pause"
    help = (
        "Start no further task on this host until `tasks resume`. What runs goes on, and what is launched "
        "meanwhile waits, or starts on another host."
    )

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument("--everywhere", action="store_true", help="Pause all hosts that share the database.")

    def run(self, *, everywhere: bool, **_: Any) -> None:
        pausing.pause(everywhere=everywhere)
        self.say(f"{paused_place(everywhere=everywhere)} To go on: {resume_words(everywhere=everywhere)}")


class Resume(Subcommand):
    """Go on after a pause."""

    name = "resume"
    help = "End a pause of this host, and start what may run here."

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--everywhere",
            action="store_true",
            help="End the pause of all hosts instead. Each goes on at its next launch, poll or tick; one that was "
            "paused by itself stays so.",
        )

    def run(self, *, everywhere: bool, **_: Any) -> None:
        started = pausing.resume(everywhere=everywhere)
        self.say(
            f"{'All hosts start' if everywhere else 'This host starts'} tasks again: {counted(started)} here."
        )
        if pausing.is_paused():
            # Of the two pauses the one that was not meant is still there.
            remaining = not everywhere
            self.mention(
                f"But there is another pause. {paused_place(everywhere=remaining)} "
                f"To go on: {resume_words(everywhere=remaining)}"
            )


def paused_place(*, everywhere: bool) -> str:
    return "All hosts are paused." if everywhere else "This host is paused."


def resume_words(*, everywhere: bool) -> str:
    """Return what is typed to end the pause."""
    return f"manage.py tasks resume{' --everywhere' if everywhere else ''}"
