"""What a subcommand of `manage.py tasks` is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from django.core.management.base import OutputWrapper


class Subcommand(ABC):
    """One subcommand: its results go to `stdout`, what it says meanwhile to `stderr`."""

    name: str
    help: str

    def __init__(self, stdout: OutputWrapper, stderr: OutputWrapper, *, verbosity: int) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.verbosity = verbosity

    @classmethod  # noqa: B027 - most have no arguments
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Declare the subcommand's own arguments; by default it has none."""

    @abstractmethod
    def run(self, **options: Any) -> None:
        """Do it. Raises CommandError with the exit code when it could not be done."""

    def say(self, sentence: str) -> None:
        """Print a result, unless the caller wants to hear of errors only."""
        if self.verbosity > 0:
            self.stdout.write(sentence)

    def mention(self, sentence: str) -> None:
        """Print what is no result, unless the caller wants to hear of errors only."""
        if self.verbosity > 0:
            self.stderr.write(sentence, style_func=str)  # not in the colour of errors


def counted(number: int, noun: str = "task") -> str:
    """Return a number with its noun: "1 task", "2 tasks"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
