"""The list of tasks with many rows: `python -m bench.pages.dashboard [--rows 100000] [--databases sqlite]`.

Prints the milliseconds that the server takes for each page, median and 95th percentile; how many of them this
process computes, with SQLite in it, which says more on a busy machine; and the queries. As an owner of nearly all
rows, as staff who see everybody's, and as staff who see their own and nobody's. A database of its own is made on
each server, and dropped.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import connection, connections
from django.test import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUNS = 15
BUDGET, SEARCH_BUDGET = 50, 150  # milliseconds, the median
JSON = "application/json"


def main() -> int:
    options = _options()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    os.environ["DEBUG"] = "0"
    os.environ.setdefault("SECRET_KEY", "of a measurement")
    import django

    django.setup()
    from bench.databases import DATABASES

    slow = 0
    for name in DATABASES:
        if options.databases and name.lower() not in options.databases.lower().split(","):
            continue
        with tempfile.TemporaryDirectory() as directory, DATABASES[name](Path(directory)) as settings:
            slow += _measure(name, settings, options)
    print(f"\n{slow} over the budget of {BUDGET} ms, {SEARCH_BUDGET} ms for a search.")
    return 1 if slow and options.strict else 0


def _measure(name: str, settings: dict[str, Any], options: argparse.Namespace) -> int:
    """Measure all pages on one database and return how many are over the budget."""
    from django.core.management import call_command
    from django.test.utils import override_settings

    from bench.pages.many_tasks import make_people, make_tasks
    from tests.postgres import default_database

    configured = connections.configure_settings({"default": settings})["default"]
    with default_database(configured), override_settings(ALLOWED_HOSTS=["testserver"]):
        call_command("migrate", verbosity=0)
        people = make_people()
        begun = time.monotonic()
        made = make_tasks(options.rows, people)
        print(f"\n{name}: {made:,} tasks, made in {time.monotonic() - begun:.0f} s", flush=True)
        print(f"{'':<50}{'median':>9}{'95 %':>9}{'of CPU':>9}{'queries':>9}")
        slow = sum(
            _print(words, *_timed(ask, options.runs), budget)
            for words, ask, budget in _requests(people)
            if options.only in words
        )
        connections.close_all()
    return slow


def _requests(people: dict[str, Any]) -> Iterator[tuple[str, Callable[[], Any], int]]:
    """Yield what is asked for: in words, as a function, and how long it may take."""
    for who, user in people.items():
        browser, program = _client(user), _client(user, JSON)
        older = _deep_place(user)
        for query in ("", f"?before={older}", f"?after={older}", *FILTERS, *STAFF_FILTERS[: 3 * user.is_staff]):
            budget = SEARCH_BUDGET if "q=" in query else BUDGET
            shown = {f"?before={older}": "?before= (deep)", f"?after={older}": "?after= (deep)"}.get(query, query)
            yield (
                f"{who}: page {shown}",
                lambda browser=browser, query=query: browser.get(f"/tasks/{query}"),
                budget,
            )
        yield f"{who}: JSON", lambda program=program: program.get("/tasks/"), BUDGET
        shown = [task["id"] for task in program.get("/tasks/").json()["tasks"]]
        poll = "/tasks/status?" + "&".join(f"task={key}" for key in shown) + f"&newer_than={older}"
        yield f"{who}: poll of {len(shown)} rows", lambda program=program, poll=poll: program.get(poll), BUDGET


FILTERS = (
    "?status=FAILED",
    "?status=LOST",  # none
    "?status=UNFINISHED",
    "?status=CANCELLING",
    "?command=command_7",
    "?command=nothing",
    "?queue=default",
    "?queue=rare",
    "?queue=nothing",
    "?period=hour",
    "?period=week",
    "?until=2001-01-01",
    "?command=command_7&status=CANCELLED",
    "?command=command_7&queue=nothing",
    "?q=Task+77",
    "?q=nothing+at+all",
    "?q=deadbeef",
    "?q=e&status=FAILED",
)
STAFF_FILTERS = ("?owner=nobody", "?owner=owner", "?owner=me")


def _deep_place(user: Any) -> str:
    """Return a place behind nine tenths of what a user sees."""
    from django.utils.http import urlencode

    from brokerless.dashboard.paging import place_of
    from brokerless.models import TaskState

    visible = TaskState.objects.visible_to(user).order_by("-created_at", "pk")
    return urlencode({"": place_of(visible[visible.count() * 9 // 10])})[1:]


def _client(user: Any, accept: str | None = None) -> Client:
    client = Client(headers={"accept": accept} if accept else None)
    client.force_login(user)
    return client


def _timed(ask: Callable[[], Any], runs: int) -> tuple[list[float], list[float], int]:
    """Return the milliseconds of each run, of them those that this process computed, and the number of queries."""
    queries: list[str] = []
    with connection.execute_wrapper(lambda execute, sql, *rest: (queries.append(sql), execute(sql, *rest))[1]):
        response = ask()
    if response.status_code != HTTPStatus.OK:
        raise SystemExit(f"{response.status_code}: {response.content[:300]!r}")
    times, computing = [], []
    for _ in range(runs):
        begun, begun_computing = time.perf_counter(), time.process_time()
        ask()
        times.append((time.perf_counter() - begun) * 1000)
        computing.append((time.process_time() - begun_computing) * 1000)
    return times, computing, len(queries)


def _print(words: str, times: list[float], computing: list[float], queries: int, budget: int) -> bool:
    median, worst = statistics.median(times), sorted(times)[int(len(times) * 0.95)]
    is_slow = median > budget
    figures = f"{median:9.1f}{worst:9.1f}{statistics.median(computing):9.1f}{queries:9}"
    print(f"{words:<50}{figures}{'  !' if is_slow else ''}", flush=True)
    return is_slow


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--databases", default="", help="of these alone, separated by commas")
    parser.add_argument("--only", default="", help="what has this in its words")
    parser.add_argument("--strict", action="store_true", help="fail unless every budget is kept")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
