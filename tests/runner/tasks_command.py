"""Running `manage.py tasks` in tests: within this process, and as a process of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


class Terminal(io.StringIO):
    """A terminal, as far as a program can tell; how wide it is says COLUMNS."""

    def isatty(self):
        return True


def tasks(*words, stdout=None, **options):
    """Run a subcommand and return what it printed and what it mentioned."""
    printed, mentioned = stdout or io.StringIO(), io.StringIO()
    call_command("tasks", *map(str, words), stdout=printed, stderr=mentioned, **options)
    return printed.getvalue(), mentioned.getvalue()


def as_json(*words, **options):
    """Run a subcommand with --json and return what it printed as values."""
    return json.loads(tasks(*words, "--json", **options)[0])


def refused(*words, stdout=None, stderr=None):
    """Run a subcommand that ends with an error, and return its exit code and its sentence."""
    with pytest.raises(CommandError) as raised:
        call_command("tasks", *map(str, words), stdout=stdout or io.StringIO(), stderr=stderr or io.StringIO())
    return raised.value.returncode, str(raised.value)


def manage(*words, **options):
    """Start `manage.py tasks` as a process, as a shell does."""
    return subprocess.Popen(
        [sys.executable, "manage.py", "tasks", *map(str, words)],
        text=True,
        env=os.environ,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )
