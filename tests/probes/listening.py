"""Listeners of the lifecycle signals in processes: they write into a ledger, and one may misbehave first."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from brokerless.signals import task_finished, task_launched, task_started

LEDGER = "PROBE_LEDGER"
# What a listener of the end does, after it has noted it: "hang", "raise" or "exit".
MISBEHAVIOUR = "PROBE_MISBEHAVIOUR"


def connect():
    for name, signal in (("launched", task_launched), ("started", task_started), ("finished", task_finished)):
        signal.connect(_noting(name), weak=False)


def read_ledger(path):
    """Return who was told of what: event, task, status, attempt, process."""
    return [tuple(line.split()) for line in path.read_text().splitlines()] if path.exists() else []


def _noting(event):
    def note(task, **_):
        with Path(os.environ[LEDGER]).open("a") as ledger:
            ledger.write(f"{event} {task.pk} {task.status} {task.attempt} {os.getpid()}\n")
        if event == "finished":
            _misbehave(os.environ.get(MISBEHAVIOUR))

    return note


def _misbehave(how):
    if how == "hang":
        threading.Event().wait()
    elif how == "raise":
        raise ValueError("a listener fails")
    elif how == "exit":
        sys.exit(3)
