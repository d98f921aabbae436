"""Purging: what is removed, what never is, and that nobody waits for it."""

from __future__ import annotations

import io
import json
import os
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, models
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from brokerless import hosts, inline, pausing, purging, sweep_day, sweeping
from brokerless.exports.models import ExportFile
from brokerless.models import Host, TaskState
from brokerless.processes import host_name
from brokerless.purging import purge, purge_daily
from brokerless.runtime_dir import TaskFiles
from tests.at_once import at_once
from tests.eventually import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_runtime_dir")]

Status = TaskState.Status
MONTH = timedelta(days=30)


@pytest.fixture
def own_runtime_dir(runtime_dir, monkeypatch):
    """Have the runtime directory be that of the test's database, as a site's is that of the site's."""
    monkeypatch.setattr(inline, "is_test_run", lambda: False)


def ago(**keywords):
    return timezone.now() - timedelta(**keywords)


def make(status=Status.SUCCESSFUL, days=31, **values):
    finished_at = ago(days=days) if status in TaskState.FINISHED else None
    usual = {
        "command": "probe",
        "status": status,
        "created_at": ago(days=days, hours=1),
        "finished_at": finished_at,
    }
    return TaskState.objects.create(**usual | values)


def write_log(task, text="what it printed"):
    files = TaskFiles(task.pk, task.lease)
    with os.fdopen(files.open_log(), "w") as log:
        log.write(text)
    return files


def make_orphan(runtime_dir, *, days=2, name=None):
    """Make a task's directory of which no row knows, last changed some days ago."""
    files = TaskFiles(name or uuid4(), 1)
    with os.fdopen(files.open_log(), "w") as log:
        log.write("12345")
    grow_old(files.directory, days)
    return files


def grow_old(directory, days):
    moment = time.time() - days * 86_400
    for path in (*directory.iterdir(), directory):
        os.utime(path, (moment, moment), follow_symlinks=False)


def tasks(*words, **options):
    printed, mentioned = io.StringIO(), io.StringIO()
    call_command("tasks", *words, stdout=printed, stderr=mentioned, **options)
    return printed.getvalue(), mentioned.getvalue()


def left():
    return set(TaskState.objects.values_list("pk", flat=True))


# What is removed


@pytest.mark.parametrize("status", sorted(TaskState.FINISHED))
def test_a_finished_task_goes_with_its_directory_once_it_is_old_enough(status):
    old, young = make(status), make(status, days=29)
    files, kept = write_log(old), write_log(young)
    files.log.with_name("0.log.75").write_text("a piece")

    removed = purge(older_than=MONTH)

    assert (removed.tasks, removed.bytes, removed.left) == (1, len("what it printed") + len("a piece"), [])
    assert left() == {young.pk}
    assert not files.directory.exists()
    assert kept.log.exists()


@pytest.mark.parametrize("status", sorted(TaskState.UNFINISHED))
def test_an_unfinished_task_never_goes_however_old(status):
    task = make(status, days=9999)
    files = write_log(task)
    grow_old(files.directory, 9999)
    assert purge(older_than=timedelta(0)).tasks == 0
    assert left() == {task.pk}
    assert files.log.exists()


def test_it_is_the_end_that_counts_and_not_the_launch():
    task = make(created_at=ago(days=99), days=1)
    assert purge(older_than=MONTH).tasks == 0
    assert purge(older_than=timedelta(hours=12)).tasks == 1
    assert task.pk not in left()


def test_what_was_retried_goes_and_the_retry_stays():
    old = make(Status.FAILED)
    again = make(days=1, retry_of=old)
    assert purge(older_than=MONTH).tasks == 1
    again.refresh_from_db()
    assert again.retry_of_id is None


def test_an_export_file_outlives_its_task():
    task = make()
    record = ExportFile.objects.create(exporter="books", name="books.csv.gz", task=task, ready_at=ago(days=31))
    assert purge(older_than=MONTH).tasks == 1
    record.refresh_from_db()
    assert (record.task_id, record.is_ready) == (None, True)


@pytest.mark.parametrize("on_delete", ["CASCADE", "PROTECT", "RESTRICT", "DO_NOTHING"])
def test_what_would_go_with_a_task_or_prevent_that_keeps_it(on_delete, monkeypatch):
    """Of another app's rows; the export files' relation plays one."""
    held, free = make(), make()
    write_log(held)
    ExportFile.objects.create(exporter="books", name="books.csv.gz", task=held)
    relation = TaskState._meta.get_field("export_files")
    monkeypatch.setattr(relation, "on_delete", getattr(models, on_delete))
    assert purge(older_than=MONTH).tasks == 1
    assert left() == {held.pk}
    assert TaskFiles(held.pk, 0).log.exists()
    assert free.pk not in left()


def test_the_row_by_which_a_hanging_process_is_found_stays_for_a_day():
    hanging = make(Status.LOST, days=0.5, stale_since=ago(days=0.5))
    late = make(Status.CANCELLED, days=0.5, monitor_pid=1, monitor_start=1)
    cleared = make(Status.LOST, days=0.5)
    purge(older_than=timedelta(0))
    assert left() == {hanging.pk, late.pk}
    TaskState.objects.update(finished_at=ago(days=2))
    assert purge(older_than=timedelta(0)).tasks == 2
    assert cleared.pk not in left()


def test_many_tasks_of_one_moment_all_go(monkeypatch):
    monkeypatch.setattr(purging, "KEYS_AT_ONCE", 3)
    moment = ago(days=99)
    for number in range(10):
        make(created_at=moment, status=Status.READY if number in {2, 3, 4, 5} else Status.SUCCESSFUL)
    assert purge(older_than=MONTH).tasks == 6
    assert TaskState.objects.count() == 4


def test_two_purges_at_once_remove_each_task_once(each_database):
    for _ in range(120):
        make()
    assert sum(each.tasks for each in at_once(4, lambda _: purge(older_than=MONTH))) == 120
    assert not TaskState.objects.exists()


def test_a_batch_is_one_short_transaction_with_few_statements():
    for _ in range(50):
        make()
    with CaptureQueriesContext(connection) as queries:
        purge(older_than=MONTH)
    assert len(queries) < 20


def test_on_a_full_disk_the_files_go_first_and_the_sweep_is_done_all_the_same(runtime_dir, monkeypatch):
    task, orphan = make(), make_orphan(runtime_dir)
    files = write_log(task)

    def refuse(_):
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(purging, "delete", refuse)
    with pytest.raises(OperationalError):
        purge(older_than=MONTH)
    assert not files.directory.exists()
    assert not orphan.directory.exists()
    with pytest.raises(CommandError, match=r"the database refused: database or disk is full"):
        tasks("purge")


# The sweep


def test_directories_that_belong_to_no_row_go_after_a_day(runtime_dir):
    gone, young, known = make_orphan(runtime_dir), make_orphan(runtime_dir, days=0.5), write_log(make(days=1))
    grow_old(known.directory, 20)
    removed = purge(older_than=MONTH)
    assert (removed.tasks, removed.directories, removed.bytes) == (0, 1, 5)
    assert not gone.directory.exists()
    assert young.log.exists()
    assert known.log.exists()


def test_one_in_which_something_was_written_lately_stays(runtime_dir):
    files = make_orphan(runtime_dir)
    os.utime(files.log)
    assert purge(older_than=MONTH).directories == 0
    assert files.log.exists()


def test_what_is_no_task_s_is_left_alone(runtime_dir):
    runtime_dir.mkdir(mode=0o700)
    (runtime_dir / "standby-0.lock").touch()
    (runtime_dir / "somebody's").mkdir()
    (runtime_dir / str(uuid4()).upper()).mkdir()
    before = sorted(runtime_dir.iterdir())
    for path in before:
        os.utime(path, (0, 0))
    assert purge(older_than=MONTH).directories == 0
    assert sorted(runtime_dir.iterdir()) == before


def test_temporary_files_noted_in_an_orphan_go_with_it(runtime_dir, tmp_path):
    files = make_orphan(runtime_dir)
    (tmp_path / "half.csv").touch()
    (tmp_path / "precious.csv").touch()
    files.note_temporary(tmp_path / "half.csv")
    grow_old(files.directory, 2)
    removed = purge(older_than=MONTH)
    assert (removed.directories, removed.temporary_files) == (1, 1)
    assert not (tmp_path / "half.csv").exists()
    assert (tmp_path / "precious.csv").exists()


@pytest.mark.parametrize(("status", "goes"), [(Status.LOST, True), (Status.FAILED, True), (Status.RUNNING, False)])
def test_temporary_files_of_a_machine_that_came_back_go_while_the_row_stays(tmp_path, status, goes):
    task = make(status, days=2)
    files = write_log(task)
    files.note_temporary(tmp_path / "half.csv")
    (tmp_path / "half.csv").touch()
    assert purge(older_than=MONTH).temporary_files == goes
    assert (tmp_path / "half.csv").exists() != goes
    assert files.log.exists()


def test_symbolic_links_are_never_followed(runtime_dir, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("stays")
    old, linked = make(), make()
    runtime_dir.mkdir(mode=0o700)
    (runtime_dir / str(old.pk)).symlink_to(precious)
    (runtime_dir / str(uuid4())).symlink_to(precious)
    files = write_log(linked)
    (files.directory / "0.finish").symlink_to(precious / "file")
    os.utime(runtime_dir / str(old.pk), (0, 0), follow_symlinks=False)

    removed = purge(older_than=MONTH)

    assert (precious / "file").read_text() == "stays"
    assert not files.directory.exists()
    assert left() == {old.pk}
    assert len(removed.left) == 2


def test_another_user_s_directory_is_left_alone_and_said(runtime_dir, monkeypatch):
    task, orphan = make(), make_orphan(runtime_dir)
    files = write_log(task)
    me = os.geteuid()
    seen = []

    def fstat(descriptor, real=os.fstat):
        seen.append(descriptor)
        found = real(descriptor)
        return os.stat_result((*found[:4], me + 1, *found[5:]))

    monkeypatch.setattr(sweeping.os, "fstat", fstat)
    removed = purge(older_than=MONTH)
    assert seen
    assert (removed.tasks, removed.directories, left()) == (0, 0, {task.pk})
    assert files.log.exists()
    assert orphan.log.exists()
    assert sorted(removed.left) == sorted(
        f"{directory}: belongs to user {me + 1}, but this process runs as {me}"
        for directory in (files.directory, orphan.directory)
    )


def test_what_cannot_be_removed_stops_nothing(runtime_dir):
    stuck, orphan, free = make(), make_orphan(runtime_dir), make()
    files = write_log(stuck)
    (files.directory / "strange").mkdir()
    (orphan.directory / "strange").mkdir()
    grow_old(orphan.directory, 2)
    other = make_orphan(runtime_dir)
    removed = purge(older_than=MONTH)
    assert (removed.tasks, removed.directories) == (1, 1)
    assert left() == {stuck.pk}
    assert free.pk not in left()
    assert not other.directory.exists()
    assert all("holds the directory strange" in sentence for sentence in removed.left)
    assert len(removed.left) == 2


def test_a_runtime_directory_that_is_open_to_others_is_refused_and_nothing_removed(runtime_dir):
    task = make()
    write_log(task)
    runtime_dir.chmod(0o755)
    with pytest.raises(CommandError, match="is open to others"):
        tasks("purge")
    assert left() == {task.pk}


# The subcommand


def test_it_says_in_one_line_what_it_did(runtime_dir):
    write_log(make())
    make()
    make_orphan(runtime_dir)
    make_orphan(runtime_dir)
    assert tasks("purge", "--dry-run") == ("Would purge 2 tasks, 2 directories of no task: 25 bytes.\n", "")
    assert tasks("purge") == ("Purged 2 tasks, 2 directories of no task: 25 bytes.\n", "")
    assert tasks("purge") == ("Nothing to purge.\n", "")
    assert tasks("purge", "--verbosity", "0") == ("", "")


def test_a_dry_run_removes_nothing(runtime_dir, tmp_path):
    task, orphan = make(), make_orphan(runtime_dir)
    files = write_log(task)
    orphan.note_temporary(tmp_path / "half.csv")
    orphan.note_temporary(tmp_path / "was moved into its place.csv")
    (tmp_path / "half.csv").touch()
    grow_old(orphan.directory, 2)
    found = json.loads(tasks("purge", "--dry-run", "--json")[0])
    assert (found["dry_run"], found["tasks"], found["directories"], found["temporary_files"]) == (True, 1, 1, 1)
    assert left() == {task.pk}
    assert files.log.exists()
    assert orphan.log.exists()
    assert (tmp_path / "half.csv").exists()


def test_json_says_the_same():
    make()
    assert json.loads(tasks("purge", "--older-than", "2w", "--json", "--verbosity", "0")[0]) == {
        "dry_run": False,
        "older_than_seconds": 14 * 86_400,
        "tasks": 1,
        "directories": 0,
        "temporary_files": 0,
        "bytes": 0,
        "left": [],
        "others": [],
    }


def test_what_is_left_alone_is_said_even_with_verbosity_0(runtime_dir):
    files = make_orphan(runtime_dir)
    (files.directory / "strange").mkdir()
    grow_old(files.directory, 2)
    printed, mentioned = tasks("purge", "--verbosity", "0")
    assert printed == ""
    assert mentioned.startswith(f"Left alone: {files.directory}: holds the directory strange")


@pytest.mark.parametrize(("words", "tasks_left"), [("31d", 1), ("29d", 0), ("744h", 1), ("4w", 0), ("43000m", 0)])
def test_a_time_is_a_number_with_its_unit(words, tasks_left):
    make(days=30)
    tasks("purge", "--older-than", words)
    assert TaskState.objects.count() == tasks_left


@pytest.mark.parametrize(
    "wrong", ["30", "d", "-1d", "1y", "", "1e3d", "nan", "30 days", "999999999w", "5300w", "٣d"]
)
def test_what_is_no_time_is_refused(wrong):
    task = make()
    with pytest.raises(CommandError, match="--older-than"):
        tasks("purge", f"--older-than={wrong}")
    assert left() == {task.pk}


def test_the_setting_is_the_default_and_without_it_the_time_must_be_said(settings):
    make(days=31)
    settings.BROKERLESS = settings.BROKERLESS | {"PURGE_AFTER": 32}
    assert tasks("purge")[0] == "Nothing to purge.\n"
    settings.BROKERLESS = settings.BROKERLESS | {"PURGE_AFTER": None}
    with pytest.raises(CommandError, match="Say --older-than") as raised:
        tasks("purge")
    assert raised.value.returncode == 2
    assert tasks("purge", "--older-than", "30d")[0] == "Purged 1 task: 0 bytes.\n"


def test_an_empty_database_and_no_directory_are_nothing_to_purge():
    assert tasks("purge")[0] == "Nothing to purge.\n"


# By itself


def test_once_a_day_one_process_purges(runtime_dir):
    for _ in range(3):
        make()
    done = at_once(6, lambda _: purge_daily())
    assert [each.tasks for each in done if each is not None] == [3]
    make()
    assert purge_daily() is None
    Host.objects.filter(name=Host.EVERYWHERE).update(purged_at=ago(hours=25))
    assert purge_daily().tasks == 1


def test_another_container_does_not_purge_once_more(monkeypatch):
    make()
    assert purge_daily().tasks == 1
    make()
    for module in (hosts, pausing):
        monkeypatch.setattr(module, "host_name", lambda: "elsewhere/1/2")
    assert purge_daily() is None
    assert not purging.is_due()


def test_another_runtime_directory_is_swept_on_the_same_day(runtime_dir, settings, tmp_path):
    make_orphan(runtime_dir)
    assert purge_daily().directories == 1
    make_orphan(runtime_dir)
    assert purge_daily() is None
    settings.BROKERLESS = settings.BROKERLESS | {"RUNTIME_DIR": tmp_path / "other"}
    assert not purging.is_due()
    make_orphan(tmp_path / "other")
    make()
    assert purging.is_due()
    removed = purge_daily()
    assert (removed.tasks, removed.directories) == (0, 1)
    assert purge_daily() is None


def test_a_directory_is_swept_again_the_day_after(runtime_dir):
    make_orphan(runtime_dir)
    purge_daily()
    os.utime(runtime_dir / sweep_day.file_name(), (time.time() - 90_000,) * 2)
    make_orphan(runtime_dir)
    assert purge_daily().directories == 1


def test_of_many_processes_one_takes_on_the_sweep(runtime_dir):
    make_orphan(runtime_dir)
    assert sorted(at_once(8, lambda _: sweep_day.claim())) == [False] * 7 + [True]
    assert not sweep_day.is_due()
    sweep_day.give_back()
    assert sweep_day.claim()


@pytest.mark.parametrize("everywhere", [True, False])
def test_nothing_is_purged_by_itself_while_tasks_are_paused(everywhere):
    make()
    pausing.pause(everywhere=everywhere)
    assert purge_daily() is None
    pausing.resume(everywhere=everywhere)
    assert purge_daily().tasks == 1


def test_without_the_setting_nothing_is_purged_by_itself(settings, django_assert_num_queries):
    make()
    settings.BROKERLESS = settings.BROKERLESS | {"PURGE_AFTER": None}
    with django_assert_num_queries(0):
        assert purge_daily() is None


def test_the_rest_of_the_day_costs_one_query(django_assert_num_queries):
    purge_daily()
    with django_assert_num_queries(1):
        purge_daily()


def test_when_the_time_is_up_the_next_goes_on(monkeypatch):
    monkeypatch.setattr(purging, "FIRST_BATCH", 2)
    monkeypatch.setattr(purging, "LARGEST_BATCH", 2)
    monkeypatch.setattr(purging, "LONGEST_GO", 0)
    for _ in range(4):
        make()
    assert purge_daily().tasks == 2
    assert purge_daily().tasks == 2
    assert purge_daily().is_complete
    assert purge_daily() is None


def test_an_error_is_logged_and_harms_nobody(monkeypatch, caplog):
    def refuse(**_):
        raise OperationalError("disk I/O error")

    monkeypatch.setattr(purging, "purge", refuse)
    assert purge_daily() is None
    assert "were not purged" in caplog.text
    assert purge_daily() is None
    assert caplog.text.count("were not purged") == 1


def test_a_tick_says_what_it_purged():
    make()
    assert tasks("tick")[0] == "1 task purged.\n"
    make()
    assert tasks("tick")[0] == "Nothing to do.\n"


def test_a_tick_notes_that_it_came():
    Host.objects.all().delete()
    tasks("tick")
    first = Host.objects.get(name=host_name()).ticked_at
    tasks("tick", "--verbosity", "0")
    assert Host.objects.get(name=host_name()).ticked_at > first


def test_a_monitor_purges_after_its_task(processes):
    old = make()
    task = processes.launch("succeed")
    assert processes.await_end(task).status == Status.SUCCESSFUL
    eventually(lambda: not TaskState.objects.filter(pk=old.pk).exists(), why="the old task is purged")
    eventually(
        lambda: Host.objects.filter(name=Host.EVERYWHERE, purged_at__isnull=False).exists(), why="that is noted"
    )
