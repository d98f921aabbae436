"""The error after which there is no other attempt; apart, as its base needs Django."""

from __future__ import annotations

from django.core.management.base import CommandError


class FinalError(CommandError):
    """Raised by a command for an error that another attempt would meet again: the task is not tried again.

    By hand it is a `CommandError` like any other.
    """
