"""The questions of the health look, each with what it finds and what it leaves alone; and `tasks check`."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.utils import timezone

from brokerless import health
from brokerless.models import Host, TaskState
from brokerless.processes import host_name

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("directory")]

Status = TaskState.Status
ELSEWHERE = "elsewhere/1/2"


@pytest.fixture
def directory(runtime_dir):
    runtime_dir.mkdir(mode=0o700)
    return runtime_dir


@pytest.fixture
def configure(settings):
    def configure(**entries):
        settings.BROKERLESS = settings.BROKERLESS | entries

    return configure


def ago(**keywords):
    return timezone.now() - timedelta(**keywords)


def make(status=Status.READY, **values):
    """Record a task; a moment may be given as how long ago it was, as parameters are made long before a test."""
    now = timezone.now()
    values = {name: now - value if isinstance(value, timedelta) else value for name, value in values.items()}
    return TaskState.objects.create(**{"command": "probe", "status": status} | values)


def make_ended(status, *, host=ELSEWHERE, **values):
    Host.objects.get_or_create(name=host)
    return make(status, host=host, **{"finished_at": ago(minutes=5)} | values)


def make_running(**values):
    return make(Status.RUNNING, host=ELSEWHERE, **{"heartbeat_at": timezone.now()} | values)


def names():
    """Return the names of the failures, and of the notices in brackets."""
    return [f"({each.name})" if each.is_notice else each.name for each in health.look()]


def check(*words, **options):
    """Return the exit code and what was printed."""
    printed = io.StringIO()
    try:
        call_command("tasks", "check", *words, stdout=printed, **options)
    except SystemExit as ended:
        return ended.code, printed.getvalue()
    return 0, printed.getvalue()


# Waiting


def test_a_site_without_tasks_is_well(directory):
    assert health.look() == []
    directory.rmdir()
    assert health.look() == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"created_at": timedelta(minutes=16)}, ["waiting"]),
        ({"created_at": timedelta(minutes=14)}, []),
        ({"created_at": timedelta(days=9), "run_after": timedelta(minutes=16)}, ["waiting"]),
        ({"created_at": timedelta(days=9), "run_after": timedelta(minutes=14)}, []),
        ({"created_at": timedelta(days=9), "run_after": -timedelta(minutes=1)}, []),
        ({"created_at": timedelta(days=9), "status": Status.SUCCESSFUL}, []),
    ],
)
def test_a_task_that_is_due_for_too_long_is_said(values, expected):
    make_running()
    make(**values)
    assert names() == expected


def test_how_long_is_too_long_is_a_setting(configure):
    make_running()
    make(created_at=ago(minutes=1))
    configure(LONGEST_WAIT=30)
    assert names() == ["waiting"]
    configure(LONGEST_WAIT=90)
    assert names() == []


def test_of_many_the_longest_wait_counts():
    make_running()
    make(created_at=ago(hours=9), run_after=ago(minutes=1))
    make(created_at=ago(hours=2))
    (problem,) = health.look()
    assert f"since {ago(hours=2):%Y-%m-%d %H:%M}" in problem.text


def test_waiting_with_nothing_that_would_start_it_is_said():
    make(created_at=ago(minutes=2))
    make(created_at=ago(minutes=3))
    (problem,) = health.look()
    assert (problem.name, problem.text) == (
        "dispatch",
        "2 tasks are waiting, and nothing is running that would start them.",
    )


@pytest.mark.parametrize(
    "moments",
    [
        {"status": Status.RUNNING, "heartbeat_at": timedelta(seconds=5)},
        {"status": Status.STARTING, "claimed_at": timedelta(seconds=5)},
    ],
)
def test_what_runs_anywhere_will_start_it(moments):
    make(created_at=ago(minutes=2))
    make(host=ELSEWHERE, **moments)
    assert names() == []


@pytest.mark.parametrize(("minutes", "expected"), [(5, []), (7, ["dispatch"])])
def test_so_will_a_tick_that_comes_every_few_minutes(minutes, expected):
    make(created_at=ago(minutes=2))
    Host.objects.create(name=ELSEWHERE, ticked_at=ago(minutes=minutes))
    assert names() == expected


@pytest.mark.parametrize(("minutes", "expected"), [(2, ["(paused)"]), (16, ["paused", "waiting"])])
@pytest.mark.parametrize("name", [host_name(), Host.EVERYWHERE])
def test_a_pause_is_a_notice_until_tasks_wait_too_long(name, minutes, expected):
    Host.objects.create(name=name, paused_at=ago(minutes=30))
    make(created_at=ago(minutes=minutes))
    assert names() == expected
    assert check()[0] == len(expected) - 1


def test_a_pause_with_nothing_waiting_or_of_a_host_that_is_gone_is_nobody_s_trouble():
    Host.objects.create(name=host_name(), paused_at=ago(minutes=30))
    assert names() == []
    Host.objects.update(name=ELSEWHERE)
    make(created_at=ago(seconds=5))
    assert names() == []


# Ended


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"status": Status.LOST}, ["lost"]),
        ({"status": Status.LOST, "finished_at": timedelta(minutes=61)}, []),
        ({"status": Status.FAILED, "error_type": "not-spawned"}, ["start"]),
        ({"status": Status.FAILED, "error_type": "start-timed-out"}, ["start"]),
        ({"status": Status.FAILED, "error_type": "exited-at-start"}, ["start"]),
        ({"status": Status.FAILED, "error_type": "exited-at-start", "finished_at": timedelta(minutes=61)}, []),
        ({"status": Status.FAILED, "error_type": "ValueError"}, []),
        ({"status": Status.CANCELLED}, []),
    ],
)
def test_tasks_that_were_lost_or_not_started_lately_are_said(values, expected):
    make_ended(**values)
    assert names() == expected


def test_they_are_counted(monkeypatch):
    for _ in range(3):
        make_ended(Status.LOST)
    assert [each.text for each in health.look()] == ["3 tasks were lost within the last hour."]
    monkeypatch.setattr(health, "COUNT_LIMIT", 2)
    assert [each.text for each in health.look()] == ["More than 2 tasks were lost within the last hour."]


@pytest.mark.parametrize(("seconds", "expected"), [(5, []), (200, []), (220, ["silent"])])
def test_a_monitor_that_nobody_hears_of_or_looks_at_is_said(seconds, expected):
    make_running(heartbeat_at=ago(seconds=seconds))
    assert names() == expected


@pytest.mark.parametrize(("seconds", "is_said"), [(5, False), (200, False), (400, True), (200_000, True)])
def test_tasks_that_start_for_ever_on_a_host_that_is_gone_are_said(configure, seconds, is_said):
    configure(LOST_AFTER=60, START_TIMEOUT=60)
    make(Status.STARTING, host=ELSEWHERE, claimed_at=ago(seconds=seconds))
    assert ("silent" in names()) == is_said


# The disk


def test_a_full_disk_is_said(configure):
    configure(LEAST_DISK=10**18)
    (problem,) = health.look()
    assert problem.name == "disk"
    assert problem.text.endswith("are free, less than 1e+06 TB.") or "are free, less than" in problem.text
    configure(LEAST_DISK=1)
    assert names() == []


def test_a_disk_that_takes_no_further_file_is_said(monkeypatch):
    found = os.statvfs("/")
    values = {name: getattr(found, name) for name in dir(found) if name.startswith("f_")}

    class Full:
        def __getattr__(self, name):
            return (values | {"f_files": 9, "f_favail": 0, "f_bavail": 10**9, "f_frsize": 4096})[name]

    monkeypatch.setattr(health.os, "statvfs", lambda _: Full())
    assert names() == ["disk"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_is_said_by_its_mode(directory):
    directory.chmod(0o500)
    assert names() == ["disk"]


def test_a_directory_that_cannot_be_written_is_said(monkeypatch):
    monkeypatch.setattr(health.os, "access", lambda *_: False)
    assert names() == ["disk"]


def test_a_directory_that_tasks_are_refused_for_is_said(directory):
    directory.chmod(0o755)
    (problem,) = health.look()
    assert problem.name == "directory"
    assert f"chmod 700 {directory}" in problem.text


def test_before_the_first_task_the_disk_is_that_where_the_directory_would_be(configure, tmp_path):
    configure(RUNTIME_DIR=tmp_path / "not" / "there")
    assert names() == []
    configure(LEAST_DISK=10**18)
    assert str(tmp_path) in health.look()[0].text


# Nothing raises


def test_a_database_that_is_away_is_a_problem(monkeypatch):
    def refuse(*_):
        raise OperationalError("connection to server at db.internal failed:\n\tis it running?")

    monkeypatch.setattr(TaskState.objects, "ready", refuse)
    (problem,) = health.look()
    assert problem.name == "database"
    assert problem.text == (
        "The database cannot be asked: connection to server at db.internal failed: is it running?"
    )


def test_tables_that_are_not_there_yet_are_a_problem():
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE brokerless_host RENAME ticked_at TO t")
    make(created_at=ago(minutes=2))
    assert names() == ["database"]


def test_so_is_an_error_of_its_own(configure):
    configure(LEAST_DISK="much")
    assert names() == ["look"]


def test_the_look_costs_a_handful_of_queries(django_assert_max_num_queries):
    make(created_at=ago(minutes=16))
    make_ended(Status.LOST)
    with django_assert_max_num_queries(10):
        assert names() == ["dispatch", "waiting", "lost"]


# The subcommand


def test_healthy_is_one_line_and_0():
    assert check() == (0, "Tasks are well.\n")
    assert check("--verbosity", "0") == (0, "")


def test_what_is_not_is_a_line_each_and_1():
    make(created_at=ago(minutes=16))
    make_ended(Status.LOST)
    code, printed = check("--verbosity", "0")
    assert code == 1
    assert [line.split(",")[0] for line in printed.splitlines()] == [
        "1 task is waiting",
        f"A task has been due since {ago(minutes=16):%Y-%m-%d %H:%M} UTC",
        "1 task was lost within the last hour.",
    ]


def test_a_notice_is_said_and_is_no_failure():
    Host.objects.create(name=Host.EVERYWHERE, paused_at=ago(minutes=5))
    make(created_at=ago(minutes=2))
    code, printed = check()
    assert code == 0
    assert printed.startswith("Tasks are well. All hosts are paused since 20")


def test_json_has_both():
    make_ended(Status.LOST)
    code, printed = check("--json", "--verbosity", "0")
    assert code == 1
    assert json.loads(printed) == {
        "healthy": False,
        "problems": [{"name": "lost", "text": "1 task was lost within the last hour.", "notice": False}],
    }
    TaskState.objects.all().delete()
    assert check("--json") == (0, '{\n  "healthy": true,\n  "problems": []\n}\n')


@pytest.mark.parametrize("database", ["sqlite:////nowhere/db.sqlite3", "postgres://nobody@127.0.0.1:1/none"])
def test_without_a_database_a_process_says_so_and_exits_with_1(database, tmp_path):
    done = subprocess.run(
        [sys.executable, "manage.py", "tasks", "check"],
        env=os.environ | {"DATABASE_URL": database, "RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stdout.startswith("The database cannot be asked: ")
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
