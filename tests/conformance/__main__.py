"""`make conformance`: Django's own tests of its tasks, with this product's backend and real processes.

For each Django that has tasks: find a Python, make an environment, fetch the tests, run them, say what came out.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.conformance.environment import Environment, NotMade
from tests.conformance.interpreters import OLDEST, VARIABLE, Search, as_text, candidates, search
from tests.conformance.report import Report, show
from tests.conformance.subprocesses import ROOT, execute

# Each in its newest release.
SERIES = ("6.0", "6.1")
EXIT_WELL, EXIT_WRONG, EXIT_NO_PYTHON, EXIT_NOT_MADE = 0, 1, 3, 4
EXIT_INTERRUPTED = 128 + signal.SIGINT  # as a shell reports it


def main() -> int:
    """Test each Django, and return an exit code that says how that went."""
    try:
        searched = search(candidates(os.environ))
        if not searched.found:
            return _say_that_there_is_no_python(searched)
        passes = [_conforms(environment) for environment in _environments(searched)]
    except NotMade as error:
        print(f"The tests could not be fetched from the package index that pip knows.\n{error}", file=sys.stderr)
        return EXIT_NOT_MADE
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return EXIT_INTERRUPTED
    return EXIT_WELL if all(passes) else EXIT_WRONG


def _say_that_there_is_no_python(searched: Search) -> int:
    oldest = as_text(OLDEST)
    print(
        f"Nothing was tested: Django {' and '.join(SERIES)} need Python {oldest} or newer, and there is none.\n"
        f"Install one, or name it: make conformance {VARIABLE}=/path/to/python{oldest}\n"
        "Looked at:",
        *(f"  {path}: {reason}" for path, reason in searched.refused.items()),
        sep="\n",
        file=sys.stderr,
    )
    return EXIT_NO_PYTHON


def _environments(searched: Search) -> list[Environment]:
    """Return one per Django: for the older with the oldest Python that was found, for the newer with the newest.

    An older Django may not know a new Python, and two versions are covered instead of one.
    """
    oldest, newest = searched.found[0], searched.found[-1]
    return [Environment(series, python) for series, python in zip(SERIES, (oldest, newest), strict=True)]


def _conforms(environment: Environment) -> bool:
    """Run the tests of one Django, show what came out, and tell whether all was well. Raises NotMade."""
    print(f"\nDjango {environment.series}, {environment.interpreter} ({environment.interpreter.path})", flush=True)
    _prepare(environment)
    with tempfile.TemporaryDirectory(prefix="conformance-") as directory:
        report = Path(directory) / "report.json"
        code = execute(
            [environment.python, "-m", "tests.conformance.harness", report],
            CONFORMANCE_DIRECTORY=directory,
            DJANGO_SETTINGS_MODULE="tests.conformance.settings",
            PYTHONPATH=str(environment.tests),
        )
        if report.exists():
            return show(Report.read(report), sys.stdout)
    print(f"  WRONG: the tests did not come to their end; exit code {code}.", flush=True)
    return False


def _prepare(environment: Environment) -> None:
    place = environment.directory.relative_to(ROOT)
    if environment.is_made:
        print(f"As fetched before into {place}; remove that to fetch it anew.", flush=True)
        return
    print(f"Fetching it and its tests into {place} …", flush=True)
    begun = time.monotonic()
    environment.make()
    print(f"Fetched in {time.monotonic() - begun:.0f} s.", flush=True)


if __name__ == "__main__":
    # However a run is made to end before its time, it cleans up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
