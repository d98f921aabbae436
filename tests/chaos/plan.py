"""What a run launches: every task of it, drawn with the run's seed."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from pathlib import Path

PLAN = "plan.json"
LOOK_INTERVAL = 0.05  # seconds
MAX_PROCESSES = 3  # per host
HOSTS = ("first", "second")
QUEUES: dict[str, dict[str, Any]] = {
    "default": {},
    "narrow": {"limit": 1},
    "pair": {"limit": 2, "max_attempts": 2},
    "hasty": {"limit": 3, "timeout": 1.0},
}
LIMITS = {name: entry["limit"] for name, entry in QUEUES.items() if "limit" in entry}
START_TIMEOUT = 5
LOST_AFTER = 3
BROKERLESS = {
    "MAX_PROCESSES": MAX_PROCESSES,
    "QUEUES": QUEUES,
    "START_TIMEOUT": START_TIMEOUT,
    "LOST_AFTER": LOST_AFTER,
    "CANCEL_GRACE": 1,
    "RETRY_PAUSE": 0.5,
    "MAX_UNFINISHED_PER_OWNER": None,
}
NEVER = 60.0  # seconds that no task of a run is meant to last
UNIQUE_KEYS = 3


@dataclass(frozen=True)
class Kind:
    """A way for a command to behave.

    weight: how often it is drawn. ends: the status, and the kind of error, where nothing was done to it.
    queue: where it is launched; drawn, if there is none. keywords: what else
    launch() is given.
    """

    weight: int
    ends: tuple[str, str] = ("SUCCESSFUL", "")
    queue: str = ""
    seconds: float = 0.0
    keywords: dict[str, Any] = field(default_factory=dict)


KINDS = {
    "succeed": Kind(30),
    "write_file": Kind(12),
    "join": Kind(8),
    "ignore_term": Kind(6),
    "leave_session": Kind(6),
    "leave_daemon": Kind(5),
    "read_row": Kind(5),
    "fail": Kind(6, ("FAILED", "ValueError")),
    "fail_once": Kind(6, keywords={"max_attempts": 3}),
    "fail_finally": Kind(3, ("FAILED", "FinalError"), keywords={"max_attempts": 3}),
    "os_exit": Kind(4, ("FAILED", "exited")),
    "segfault": Kind(4, ("FAILED", "killed-by-signal")),
    "overrun": Kind(3, ("FAILED", "timed-out"), queue="hasty", seconds=NEVER),
    "overrun_deaf": Kind(2, ("FAILED", "timed-out"), queue="default", seconds=NEVER, keywords={"timeout": 0.5}),
}


def draw(chance: random.Random, tasks: int, *, seconds: float) -> list[dict[str, Any]]:
    """Return what is to be launched within so many seconds, in that order.

    Each as JSON: when, the options of the command, keywords of launch(), whether in a transaction.
    """
    moments = sorted(chance.uniform(0, seconds) for _ in range(tasks))
    # Some at the same moment, as from a page with many buttons.
    moments = [moments[number - number % chance.choice((1, 1, 4))] for number in range(tasks)]
    return [{"moment": moment} | _draw_one(chance, number) for number, moment in enumerate(moments)]


def write(directory: Path, wishes: list[dict[str, Any]], *, begin: float) -> None:
    """Leave the plan for the launchers; its moments count from `begin`, on the monotonic clock."""
    dated = [wish | {"moment": begin + wish["moment"]} for wish in wishes]
    draft = directory / f"{PLAN}.draft"
    draft.write_text(json.dumps(dated))
    draft.replace(directory / PLAN)


def read(directory: Path) -> list[dict[str, Any]]:
    """Return the plan, as soon as there is one."""
    while not (directory / PLAN).exists():
        time.sleep(LOOK_INTERVAL)
    return json.loads((directory / PLAN).read_text())


def _draw_one(chance: random.Random, number: int) -> dict[str, Any]:
    name = chance.choices(list(KINDS), [kind.weight for kind in KINDS.values()])[0]
    kind = KINDS[name]
    queue = kind.queue or chance.choices(["default", "narrow", "pair"], [5, 2, 3])[0]
    keywords = {"queue": queue, "priority": chance.randrange(3), **kind.keywords}
    key = ""
    if name == "join":
        key = keywords["unique_key"] = f"key {chance.randrange(UNIQUE_KEYS)}"
    seconds = kind.seconds or chance.expovariate(1 / 0.25)
    options = {"number": number, "kind": name, "seconds": min(seconds, NEVER), "queue": queue, "key": key}
    return {"options": options, "keywords": keywords, "in_transaction": chance.random() < 0.2}
