"""`python -m tests.chaos`: a run on each database, and an exit code that says whether all was well."""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys

from brokerless.linux import become_subreaper, die_with_parent
from tests.chaos.run import NoDatabase, Wishes, run

DATABASES = ("sqlite", "postgresql")
EXIT_WELL, EXIT_WRONG, EXIT_NO_DATABASE = 0, 1, 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("databases", nargs="*", default=DATABASES, help="By default both.")
    parser.add_argument(
        "--seed", default=str(random.randrange(10**6)), help="Draw the same tasks and faults again."
    )
    parser.add_argument("--tasks", type=int, default=250, help="How many to launch on each database.")
    parser.add_argument("--seconds", type=float, default=45.0, help="How long chaos reigns on each, at most.")
    parser.add_argument("--pause", type=float, default=0.25, help="Seconds between two faults, on average.")
    parser.add_argument("--absences", type=int, default=4, help="How often the database goes away.")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    wishes = parser.parse_args()
    if not wishes.here:
        return _run_below(wishes)
    die_with_parent(os.getppid())
    keywords = {name: getattr(wishes, name) for name in ("seed", "tasks", "seconds", "pause", "absences")}
    try:
        return EXIT_WELL if run(Wishes(wishes.databases[0], **keywords)) else EXIT_WRONG
    except NoDatabase as error:
        print(f"There is no {wishes.databases[0]} here: {error}", file=sys.stderr)
        return EXIT_NO_DATABASE


def _run_below(wishes: argparse.Namespace) -> int:
    """Do each run in a process of its own, and be its init: inherit and collect every orphan."""
    become_subreaper()
    signal.signal(signal.SIGINT, lambda *_: None)  # the run gets it, too, and cleans up
    options = [f"--{name}={getattr(wishes, name)}" for name in ("seed", "tasks", "seconds", "pause", "absences")]
    print(f"make chaos SEED={wishes.seed}", flush=True)
    codes = []
    for database in wishes.databases:
        child = subprocess.Popen([sys.executable, "-m", "tests.chaos", database, "--here", *options])
        codes.append(_collect_until(child.pid))
    return max(codes)


def _collect_until(pid: int) -> int:
    """Collect every child that ends, until this one does; return its exit code."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            return abs(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    sys.exit(main())
