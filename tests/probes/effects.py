"""Commands whose effects are counted: each is a line of a ledger, with the lease under which it was had."""

from __future__ import annotations

import os

from django.core.mail import send_mail

from brokerless import current_task
from tests.probes import endings
from tests.probes.words import await_word, say

LEDGER, HALF, PUBLISHED = "ledger", "half.csv", "published.csv"


def work_at_word(directory):
    """Begin with half of a file, and have an effect at the word."""
    half = _begin(directory)
    current_task().renew_lease()
    _note(directory, "done")
    half.unlink()


def crash_at_word(directory, action, *values):
    """Begin, and end at the word in one of the ways of `tests.probes.endings`."""
    _begin(directory)
    getattr(endings, action)(directory, *values)


def publish_at_word(directory):
    """End at the word as an export does: a file gets its name and is mailed, the lease renewed before each."""
    half = _begin(directory)
    say(directory, "renewing")
    current_task().renew_lease()
    half.replace(directory / PUBLISHED)
    current_task().renew_lease()
    send_mail("Published", "It is there.", "library@localhost", ["ann@example.org"])
    _note(directory, "done")


def _begin(directory):
    half = directory / HALF
    current_task().note_temporary(half)
    half.write_text("half of an export")
    _note(directory, "begun")
    say(directory, "started")
    await_word(directory)
    return half


def _note(directory, what):
    """Append a line by one write(2): whole, whoever is killed meanwhile, and whoever else appends."""
    ledger = os.open(directory / LEDGER, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(ledger, f"{what} {current_task().lease}\n".encode())
    os.close(ledger)
