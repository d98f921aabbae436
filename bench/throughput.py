"""`make throughput`: measure each system on each database, and print one table of medians."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import django
import psutil

from bench.databases import DATABASES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parent.parent
CORES = os.cpu_count() or 1
PROCESSES = sorted({1, CORES, 2 * CORES})
# The columns' titles, and how many calls are measured: enqueued, one alone, finished by so many processes.
TITLES = {"brokerless": "brokerless", "django_tasks_db": "django-tasks-db", "celery": "Celery"}
ENQUEUED, ALONE = 300, 5
FINISHED: dict[str, Callable[[int], int]] = {
    "brokerless": lambda processes: 4 + 2 * processes,
    "django_tasks_db": lambda processes: 100 + 50 * processes,
    "celery": lambda processes: 300 + 200 * processes,
}
LEAVING_TIME = 10.0  # seconds in which the last monitors have gone

Figures = dict[str, list[float]]


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it is cleaned up
    begun = time.monotonic()
    columns: dict[tuple[str, str], Figures] = {}
    for database in DATABASES:
        with suppressed_as_missing(database):
            for app in ("brokerless", "django_tasks_db"):
                with site(app, database) as environment:
                    columns[app, database] = measured(app, environment)
    if problem := celery_problem():
        print(f"Without Celery: {problem}.", file=sys.stderr)
    else:
        with directory() as path:
            columns["celery", "Redis"] = measured("celery", {"BENCH_DIRECTORY": str(path)})
    show(columns)
    print(f"\nMeasured in {time.monotonic() - begun:.0f} s.")


@contextmanager
def suppressed_as_missing(database: str) -> Iterator[None]:
    """Go on without a database that cannot be reached, and say so."""
    try:
        yield
    except OSError as error:
        print(f"Without {database}: {error}", file=sys.stderr)


@contextmanager
def directory() -> Iterator[Path]:
    """Make a directory in `build`, on the disk that the project is on, and remove it."""
    with tempfile.TemporaryDirectory(dir=ROOT / "build", prefix="bench-") as name:
        yield Path(name)


@contextmanager
def site(app: str, database: str) -> Iterator[dict[str, str]]:
    """Make a site whose tasks are the app's, and give the environment of its processes."""
    with directory() as path, DATABASES[database](path) as settings:
        environment = {
            "BENCH_APP": app,
            "BENCH_DATABASE": json.dumps(settings),
            "BENCH_DIRECTORY": str(path),
            "BENCH_PROCESSES": "1",
            "DJANGO_SETTINGS_MODULE": "bench.settings",
        }
        execute("django", "migrate", "--verbosity", "0", environment=environment)
        yield environment


def measured(app: str, environment: dict[str, str]) -> Figures:
    figures: Figures = defaultdict(list)

    def measure(kind: str, count: int, processes: int) -> Figures:
        print(f"{TITLES[app]}, {kind}, {processes} …", file=sys.stderr)
        words = {"BENCH_APP": app, "BENCH_PROCESSES": str(processes)}
        printed = execute("bench.measure", kind, str(count), environment=environment | words)
        await_end_of_all(environment["BENCH_DIRECTORY"])
        return json.loads(printed)

    figures.update(measure("enqueuing", ENQUEUED, 1))
    figures.update(measure("alone", ALONE, 1))
    for processes in PROCESSES:
        figures[f"finished {processes}"] = measure("finishing", FINISHED[app](processes), processes)["finished"]
    return figures


def execute(module: str, *words: str, environment: dict[str, str]) -> str:
    """Run a module with this Python and return what it printed; end it with this process."""
    child = subprocess.Popen(
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a Ctrl-C reaches it through here only, and once
    )
    try:
        printed, _ = child.communicate()
    finally:
        if child.poll() is None:
            child.terminate()
            child.wait()
    if child.returncode:
        sys.exit(f"{module} {' '.join(words)}: exit code {child.returncode}")
    return printed


def await_end_of_all(name: str) -> None:
    """Wait until no process of a site is left, so that none disturbs what is measured next."""
    deadline = time.monotonic() + LEAVING_TIME
    while left := [each.pid for each in psutil.process_iter(["environ"]) if of_site(each, name)]:
        if time.monotonic() > deadline:
            sys.exit(f"Processes are left: {left}")
        time.sleep(0.05)


def of_site(process: psutil.Process, name: str) -> bool:
    return (process.info["environ"] or {}).get("BENCH_DIRECTORY") == name


def celery_problem() -> str:
    missing = [name for name in ("celery", "redis") if importlib.util.find_spec(name) is None]
    missing += [] if shutil.which("redis-server") else ["redis-server"]
    return f"there is no {' and no '.join(missing)} here" if missing else ""


def show(columns: dict[tuple[str, str], Figures]) -> None:
    """Print the table: medians, and how the systems compare."""
    print(
        f"\n{CORES} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"Django {django.__version__}; medians\n"
    )
    line("", [TITLES[app] for app, _ in columns])
    line("", [store for _, store in columns])
    line("enqueued per second", [number(median(each["enqueued"])) for each in columns.values()])
    line("one alone: until it runs, ms", [milliseconds(each["until_it_runs"]) for each in columns.values()])
    line("one alone: until its result, ms", [milliseconds(each["until_its_result"]) for each in columns.values()])
    for processes in PROCESSES:
        title = f"finished per second, {processes} process{'es' if processes > 1 else ''}"
        line(title, [number(median(each[f"finished {processes}"])) for each in columns.values()])
    line(f"the same, as multiples, {CORES} processes", [multiple(columns, *key) for key in columns])


def line(title: str, cells: list[str]) -> None:
    print(f"{title:<36}" + "".join(f"{cell:>17}" for cell in cells))


def number(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def milliseconds(values: list[float]) -> str:
    return number(1000 * median(values))


def multiple(columns: dict[tuple[str, str], Figures], app: str, store: str) -> str:
    """Return how many times as many finish as with brokerless, on the same database if that has any."""
    name = f"finished {CORES}"
    base: Any = columns.get(("brokerless", store)) or columns[("brokerless", "SQLite")]
    return f"{median(columns[app, store][name]) / median(base[name]):.3g}"


if __name__ == "__main__":
    main()
