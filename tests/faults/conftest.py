"""Fixtures for the tests of faults."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from django.core.management import call_command

from tests.chaos.cluster import Cluster, ProgramsMissing
from tests.faults.others import CONTAINER, Others
from tests.postgres import default_database, settings_of
from tests.requirements import missing, require

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.real_processes import RealProcesses


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if "tests/faults" in str(item.path):
            item.add_marker(pytest.mark.system)


@pytest.fixture
def others(processes: RealProcesses) -> Iterator[Others]:
    """Return what starts other processes that see the test's database."""
    made = Others(processes)
    yield made
    made.end()


@pytest.fixture
def container() -> tuple[str, ...]:
    """Return the words before a command that run it among processes of its own, on the same host name."""
    require("unshare", shutil.which("unshare"), remedy="install util-linux")
    tried = subprocess.run([*CONTAINER, "true"], capture_output=True, text=True, check=False)
    require("a pid namespace", tried.returncode == 0, remedy=f"run as root ({tried.stderr.strip()})")
    return tuple(CONTAINER)


@pytest.fixture
def private_server(transactional_db: None) -> Iterator[Cluster]:
    """Run the test on a PostgreSQL server of its own, which it may stop."""
    try:
        server = Cluster()
    except ProgramsMissing as error:
        missing("PostgreSQL's programs", str(error))
    try:
        server.start()
        with default_database(settings_of(server.url, "postgres")):
            call_command("migrate", verbosity=0)
            yield server
    finally:
        server.remove()
