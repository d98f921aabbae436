"""Fixtures for the runner's tests: launchers that start nothing, hosts to play, and a third database."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from django.core.management import call_command

from brokerless import dispatch, launching
from brokerless.models import TaskState
from brokerless.testing import inline_tasks
from tests import mariadb as server
from tests.postgres import default_database
from tests.requirements import missing
from tests.runner.doing import Doing
from tests.runner.launchers import RecordingLauncher


@pytest.fixture
def use_launcher(settings):
    """Use another launcher, for at most two tasks at once and with no queues but the default one."""

    def use(launcher=RecordingLauncher, *, limit=2, queues=None):
        RecordingLauncher.started.clear()
        name = f"{launcher.__module__}.{launcher.__qualname__}"
        entries = {"LAUNCHER": name, "MAX_PROCESSES": limit, "QUEUES": queues or {}}
        settings.BROKERLESS = settings.BROKERLESS | entries
        return launcher

    return use


@pytest.fixture
def inline(db):
    """Run launched tasks within their launch."""
    with inline_tasks() as tasks:
        yield tasks


@pytest.fixture
def do(monkeypatch):
    """Launch a command that calls a function of the test."""
    return Doing(monkeypatch)


@pytest.fixture
def dispatched(monkeypatch):
    """Record how many tasks there are at each dispatch of a launch, instead of dispatching."""
    calls = []
    monkeypatch.setattr(launching, "dispatch", lambda **_: calls.append(TaskState.objects.count()))
    return calls


@pytest.fixture
def be_host(monkeypatch):
    """Play a host, in the calling thread only."""
    playing = threading.local()
    real = dispatch.host_name
    monkeypatch.setattr(dispatch, "host_name", lambda: getattr(playing, "name", None) or real())

    def be(name):
        playing.name = name

    return be


@pytest.fixture(scope="session")
def mariadb_database(django_db_setup, django_db_blocker):
    """Create a database on the MariaDB server of TEST_MARIADB_URL, and return its settings."""
    try:
        name = server.create_database(server.MARIADB_URL)
    except OSError as error:
        missing("MariaDB", f"{error} (set TEST_MARIADB_URL)")
    found = server.settings_of(server.MARIADB_URL, name)
    with django_db_blocker.unblock(), default_database(found):
        call_command("migrate", verbosity=0)
    yield found
    server.drop_database(server.MARIADB_URL, name)


@pytest.fixture
def mariadb(transactional_db, mariadb_database):
    """Run the test on MariaDB, whatever database the suite is run on."""
    with default_database(mariadb_database):
        yield
        call_command("flush", verbosity=0, interactive=False)


@pytest.fixture(params=["usual", "postgres", "mariadb"])
def each_database(request, transactional_db):
    """Run the test on each database in turn; the usual one is the one that the suite is run on."""
    if request.param != "usual":
        request.getfixturevalue(request.param)
    return request.param


@pytest.fixture
def python():
    """Start Python code as children, and end them after the test."""
    started = []

    def start(code, **keywords):
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, **keywords)
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.wait()
        child.stdout.close()
