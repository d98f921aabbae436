"""The errors after which there is no other attempt; apart, as the base of one needs Django."""

from __future__ import annotations

from django.core.management.base import CommandError

from brokerless.exceptions import InvalidArguments, UnknownCommand


class FinalError(CommandError):
    """Raised by a command for an error that another attempt would meet again: the task is not tried again.

    By hand it is a `CommandError` like any other.
    """


# Another attempt would meet each of them again.
FINAL_ERRORS = (FinalError, InvalidArguments, UnknownCommand)
