"""Fixtures for every test: a database that real processes see, the processes themselves, and PostgreSQL."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from django.core.management import call_command

from tests.postgres import create_database, default_database, drop_database, settings_of
from tests.real_processes import RealProcesses
from tests.requirements import POSTGRES_URL, missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django.fixtures import SettingsWrapper


def pytest_configure() -> None:
    """Heed Ctrl-C and a lost terminal even if whoever started the tests does not: all processes inherit that."""
    for number, handler in {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture
def processes(
    transactional_db: None, tmp_path: Path, settings: SettingsWrapper, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RealProcesses]:
    """Allow real processes, which see the test's database and write into its directory; leave none behind."""
    real = RealProcesses(tmp_path, settings, monkeypatch)
    real.allow()
    yield real
    real.end_all()


@pytest.fixture
def runtime_dir(tmp_path: Path, settings: SettingsWrapper) -> Path:
    """Have the files of tasks lie in the test's directory."""
    directory = tmp_path / "runtime"
    settings.BROKERLESS = settings.BROKERLESS | {"RUNTIME_DIR": directory}
    return directory


@pytest.fixture(scope="session")
def postgres_database(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[dict]:
    """Create a database on the PostgreSQL server of TEST_POSTGRES_URL, and return its settings."""
    try:
        name = create_database(POSTGRES_URL)
    except OSError as error:
        missing("PostgreSQL", f"{error} (set TEST_POSTGRES_URL)")
    found = settings_of(POSTGRES_URL, name)
    with django_db_blocker.unblock(), default_database(found):
        call_command("migrate", verbosity=0)
    yield found
    drop_database(POSTGRES_URL, name)


@pytest.fixture
def postgres(transactional_db: None, postgres_database: dict) -> Iterator[None]:
    """Run the test on PostgreSQL, whatever database the suite is run on."""
    with default_database(postgres_database):
        yield
        call_command("flush", verbosity=0, interactive=False)


@pytest.fixture(autouse=True)
def _usual_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the environment of whoever runs the suite from deciding what a test sees."""
    for name in [name for name in os.environ if name.startswith(("BROKERLESS_", "TEST_BROKERLESS"))]:
        monkeypatch.delenv(name)
