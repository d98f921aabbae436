"""`python -m tests.conformance.harness REPORT`: run the tests of the installed Django, and write a report."""

from __future__ import annotations

import os
import signal
import sys
import time
import unittest
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django

from tests.conformance.exclusions import ASYNC_UNSAFE, EXCLUDED
from tests.conformance.report import Report
from tests.conformance.selection import select

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


def main(report: Path) -> None:
    """Run the tests and end what they have started, whatever comes between."""
    _set_up()
    from tests.conformance.backends import Finished
    from tests.conformance.processes import end_all

    begun = time.monotonic()
    try:
        found = {test.id(): test for test in _each(_discovered())}
        selection = select(found, excluded=EXCLUDED, unsafe=ASYNC_UNSAFE)
        result = _run([found[test_id] for test_id in selection.to_run], unsafe=selection.unsafe)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # one interrupt is enough; what follows takes seconds
        left = end_all()
    Report(
        django=django.__version__,
        to_run=len(selection.to_run),
        ran=result.testsRun,
        passed=result.passed,
        processes=len(Finished.pids - {None, os.getpid()}),
        seconds=time.monotonic() - begun,
        excluded=selection.excluded,
        unsafe=selection.unsafe,
        stale=selection.stale,
        left=left,
    ).write(report)


def _set_up() -> None:
    """Prepare a site, not a test environment: from a test's database no real process is started."""
    django.setup()
    from django.core.management import call_command

    from tests.conformance.backends import stand_in

    call_command("migrate", verbosity=0)
    stand_in()


def _discovered() -> unittest.TestSuite:
    import tasks  # Django's package of tests

    directory = Path(tasks.__file__).parent
    return unittest.defaultTestLoader.discover(directory, top_level_dir=directory.parent)


def _each(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _each(test)
        else:
            yield test


def _run(tests: list[unittest.TestCase], *, unsafe: Collection[str]) -> ConformanceResult:
    for test in tests:
        _admit_to_database(type(test))
    runner = unittest.TextTestRunner(resultclass=partial(ConformanceResult, unsafe=unsafe))
    return runner.run(unittest.TestSuite(tests))


def _admit_to_database(tests: type[unittest.TestCase]) -> None:
    """Undo what keeps tests of backends in memory from the database and the apps."""
    tests.databases = "__all__"
    tests.available_apps = None


class ConformanceResult(unittest.TextTestResult):
    """Gives every test an empty site to begin with, and counts those that passed.

    unsafe: the ids of tests that may use the ORM in a coroutine.
    """

    def __init__(self, *args: Any, unsafe: Collection[str], **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.passed = 0
        self._unsafe = unsafe

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name
        from tests.conformance.backends import prepare

        prepare()
        if test.id() in self._unsafe:
            os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
        super().startTest(test)

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)
        super().stopTest(test)

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802
        self.passed += 1
        super().addSuccess(test)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
