"""What the processes of a site do beside its tasks: launch and be polled, dispatch, tick, cancel.

`python -m tests.chaos.actors ROLE NUMBER OF SEED`; each is killed at any moment, and started anew.
"""

from __future__ import annotations

import os
import random
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import django

from brokerless.linux import die_with_parent
from tests.chaos import plan
from tests.chaos.ledger import Ledger, LedgerReader, run_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAUSE_AFTER_ERROR = 0.2  # seconds
TICK_INTERVAL = 0.5
POLL_INTERVAL = 0.3
CALM = "calm"  # a file: from now on nothing more is cancelled


def main(role: str, number: str, of: str, seed: str) -> None:
    die_with_parent(os.getppid())
    django.setup()
    from django.db import Error, connections

    # In case somebody wonders who was there, and since when.
    Ledger.of_this_run().note("actor", role=role, number=number)
    chance = random.Random(f"{seed} {role} {number} {time.monotonic()}")
    for _ in ROLES[role](chance, int(number), int(of)):
        with suppress(Error):
            connections.close_all()


def _patiently(act: Callable[[], Any]) -> Any:
    """Do something that may fail while the database is away; None if it did."""
    from django.db import Error, connections

    try:
        return act()
    except Error:
        connections.close_all()
        time.sleep(PAUSE_AFTER_ERROR)
        return None


def launch_and_poll(chance: random.Random, number: int, of: int) -> Iterator[None]:
    """Be a web server: launch a share of the plan, and look at tasks as pages that poll do."""
    ledger = Ledger.of_this_run()
    for wish in _share(number, of):
        while time.monotonic() < wish["moment"]:
            _patiently(lambda: _poll(chance))
            time.sleep(chance.uniform(0, POLL_INTERVAL))
        if (task := _patiently(lambda wish=wish: _launch(wish))) is not None:
            ledger.note("launched", number=wish["options"]["number"], task=str(task.pk), joined=task.is_joined)
        yield
    ledger.note("launcher", number=number)
    while True:
        _patiently(lambda: _poll(chance))
        time.sleep(chance.uniform(0, POLL_INTERVAL))
        yield


def _share(number: int, of: int) -> list[dict[str, Any]]:
    """Return what is left of this launcher's share; those before it may have been killed."""
    wishes = plan.read(run_directory())
    known = {entry["number"] for entry in LedgerReader(run_directory()).read() if entry["what"] == "launched"}
    return [wish for wish in wishes[number::of] if wish["options"]["number"] not in known]


def _launch(wish: dict[str, Any]) -> Any:
    from django.db import transaction

    from brokerless import launch

    if not wish["in_transaction"]:
        return launch("chaos_task", options=wish["options"], **wish["keywords"])
    with transaction.atomic():
        return launch("chaos_task", options=wish["options"], **wish["keywords"])


def _poll(chance: random.Random) -> None:
    from brokerless.models import TaskState
    from brokerless.tick import look_after

    if unfinished := list(TaskState.objects.unfinished()[:20]):
        look_after(chance.choice(unfinished))


def dispatch(chance: random.Random, *_: int) -> Iterator[None]:
    """Be in everybody's way: claim as often as possible."""
    from brokerless.dispatch import dispatch

    while True:
        _patiently(dispatch)
        time.sleep(chance.uniform(0.02, 0.3))
        yield


def tick(*_: object) -> Iterator[None]:
    """Be cron."""
    from brokerless.tick import tick

    while True:
        _patiently(tick)
        time.sleep(TICK_INTERVAL)
        yield


def cancel(chance: random.Random, *_: int) -> Iterator[None]:
    """Be an impatient user, who cancels tasks of every host."""
    from brokerless.models import TaskState

    ledger = Ledger.of_this_run()
    while not is_calm():
        time.sleep(chance.uniform(0.3, 1.5))
        if unfinished := _patiently(lambda: list(TaskState.objects.unfinished()[:20])):
            task = chance.choice(unfinished)
            ledger.note("cancel", task=str(task.pk))
            _patiently(task.cancel)
        yield


ROLES = {"launcher": launch_and_poll, "dispatcher": dispatch, "ticker": tick, "canceller": cancel}


def is_calm() -> bool:
    return (run_directory() / CALM).exists()


if __name__ == "__main__":
    main(*sys.argv[1:])
