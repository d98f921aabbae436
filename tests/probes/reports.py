"""Commands that say something: of their progress, or of what they find themselves in."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone, translation

from brokerless import current_task, track
from brokerless.exceptions import LeaseLost
from tests.probes.words import await_word, say


def context(_directory):
    """Report every part of the context as the command finds it."""
    task = current_task()
    task.result = {
        "url": task.context.build_absolute_uri(),
        "link": task.context.build_absolute_uri(reverse("probe", urlconf="tests.probes.urls")),
        "method": task.context.method,
        "user": task.context.user.get_username(),
        "language": translation.get_language(),
        "time_zone": timezone.get_current_timezone_name(),
        "headers": task.context.headers,
        "site": os.environ.get("PROBE_SITE", ""),
    }


def identity(_directory):
    task = current_task()
    task.result = {"id": str(task.id), "lease": task.lease, "owner": task.owner_id, "status": task.state.status}


def inheritance(_directory):
    """Report what a process inherits, as far as a server could spoil it."""
    ignored = [
        n.name for n in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD) if signal.getsignal(n) is signal.SIG_IGN
    ]
    umask = os.umask(0)
    os.umask(umask)
    current_task().result = {
        "ignored": ignored,
        "blocked": sorted(n.name for n in signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "umask": umask,
        "niceness": os.nice(0),
        "sockets": _open_sockets(),
        "environment": sorted(name for name in os.environ if name.startswith("BROKERLESS")),
        "directory": str(Path.cwd()),
        "standard_input": str(Path("/proc/self/fd/0").readlink()),
    }


def _open_sockets():
    """Return the numbers of the sockets that this process holds, as /proc/net/tcp lists them."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except FileNotFoundError:
            continue
        if target.startswith("socket:"):
            found.append(target.removeprefix("socket:[").removesuffix("]"))
    return found


def descent(_directory):
    """Report the pids above, and how many threads there are."""
    current_task().result = {"pid": os.getpid(), "monitor": os.getppid(), "threads": threading.active_count()}


def speak(directory):
    print("said on standard output – ähm")
    print("said on standard error", file=sys.stderr)
    say(directory, "started")
    await_word(directory)


def greet(_directory, name):
    """Say something on both streams; with a result, if there is a task to have one."""
    print(f"Hello, {name}")
    print(f"To the error stream, {name}", file=sys.stderr)
    if task := current_task():
        task.result = {"greeted": name}


def speak_by_and_by(directory):
    print("half a line", end="", flush=True)
    say(directory, "started")
    await_word(directory)
    print(", and the rest")


def print_bytes(_directory, size):
    sys.stdout.buffer.write(b"begin" + b"." * int(size) + b"end")


def print_binary(_directory):
    sys.stdout.buffer.write(bytes(range(256)) * 4)


def track_items(directory, count, pause_at):
    for number in track(range(int(count)), unit="books", message="Reading"):
        if number == int(pause_at):
            say(directory, "started")
            await_word(directory)


def track_stages(_directory, count):
    for number in range(int(count)):
        current_task().progress.start(total=number, unit="books", message=f"Stage {number}\0\udce9")
    current_task().progress.update(7)


def track_in_transaction(directory):
    """Report progress while holding a transaction that nobody else sees into."""
    with transaction.atomic():
        get_user_model().objects.create(username="unseen")
        track_items(directory, 10, 5)


def statement_time_out(_directory):
    """Report the time-outs of the command's own connection, which the monitor's must not touch."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        current_task().result = cursor.fetchone()[0]


def renew(directory):
    current_task().renew_lease()
    say(directory, "started")
    await_word(directory)
    try:
        current_task().renew_lease()
    except LeaseLost:
        say(directory, "lost")
        raise
    current_task().result = "renewed twice"


def renew_in_threads(_directory, count):
    """Renew the lease from many threads at once."""
    renewed = []

    def renew_once():
        current_task().renew_lease()
        renewed.append(1)

    threads = [threading.Thread(target=renew_once) for _ in range(int(count))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    current_task().result = len(renewed)
