"""`manage.py tasks show`: which task an id means, and what is known of it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.urls import clear_url_caches, path
from django.utils import timezone

from brokerless.models import TaskState
from brokerless.processes import host_name
from brokerless.runtime_dir import TaskFiles
from tests.runner.tasks_command import UNKNOWN_ID, Terminal, as_json, refused, tasks

Status = TaskState.Status
NOBODY = 2**22 - 1  # a pid that no process has
FIRST = UUID("abcd1234-0000-4000-8000-000000000001")
SECOND = UUID("abcd1234-5678-4000-8000-000000000002")

urlpatterns = [path("nothing/", lambda request: None)]


def facts(*words):
    """Return the facts that are shown, by their names, and the text behind them."""
    lines, _, texts = tasks("show", *words)[0].partition("\n\n")
    return dict(line.split(maxsplit=1) for line in lines.replace("Not before", "Not_before").splitlines()), texts


@pytest.mark.parametrize("database", ["usual", "postgres", "mariadb"])
@pytest.mark.parametrize(
    "word", [str(SECOND), SECOND.hex, str(SECOND).upper(), "abcd1234-5", "abcd12345", "ABCD1234-5678-4000"]
)
def test_an_id_or_a_beginning_that_one_task_has_is_enough(request, use_launcher, transactional_db, word, database):
    use_launcher()
    if database != "usual":
        request.getfixturevalue(database)
    for pk in (FIRST, SECOND):
        TaskState.objects.create(pk=pk, command="probe")
    assert as_json("show", word)["id"] == str(SECOND)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("abcd", f"abcd is the beginning of more than one task's id; give more of it: {FIRST}, {SECOND}"),
        ("abcd1235", "There is no task abcd1235; `manage.py tasks list` lists them."),
        (UNKNOWN_ID, f"There is no task {UNKNOWN_ID}; "),
        ("abc", "'abc' is no task's id, nor at least 4 characters of one."),
        ("abcd%", "'abcd%' is no task's id"),
        ("", "'' is no task's id"),
        (f"{FIRST}0", "is no task's id"),
    ],
)
def test_what_means_no_task_or_several_is_refused(db, word, sentence):
    for pk in (FIRST, SECOND):
        TaskState.objects.create(pk=pk, command="probe")
    code, said = refused("show", word)
    assert code == 1
    assert sentence in said


def test_of_many_tasks_of_one_beginning_some_are_named(db):
    for number in range(9):
        TaskState.objects.create(pk=UUID(int=FIRST.int + number), command="probe")
    said = refused("show", "abcd")[1]
    assert said.count("abcd1234-") == 5
    assert said.endswith(", …")


def test_an_empty_database_has_no_task(db):
    assert refused("show", "abcd") == (1, "There is no task abcd; `manage.py tasks list` lists them.")


def test_everything_is_shown(db, runtime_dir, django_user_model):
    ann = django_user_model.objects.create(username="ann")
    now = timezone.now()
    before = TaskState.objects.create(command="probe", status=Status.FAILED)
    task = TaskState.objects.create(
        command="probe",
        title="Nightly",
        arguments=["fail", 5],
        options={"directory": "/tmp"},
        owner=ann,
        queue="slow",
        priority=7,
        timeout=90,
        memory_limit=512_000_000,
        nice=5,
        max_attempts=2,
        attempt=2,
        lease=2,
        status=Status.FAILED,
        host=host_name(),
        monitor_pid=11,
        command_pid=12,
        created_at=now - timedelta(minutes=5),
        started_at=now - timedelta(minutes=4),
        finished_at=now,
        progress_current=1,
        progress_total=4,
        result={"rows": 1},
        error_type="ValueError",
        error_title="too late",
        error_detail="Traceback\n  line\033[2J",
        exit_code=1,
        errors=[{"attempt": 1, "type": "OSError", "title": "no", "detail": "the first\ntraceback"}],
        cpu_seconds=1.25,
        peak_memory=50_000_000,
        retry_of=before,
    )
    after = TaskState.objects.create(command="probe", retry_of=task)
    files = TaskFiles(task.pk, 2)
    files.create_directory()
    files.log.write_bytes(b"x" * 1500)
    shown, texts = facts(task.pk)
    assert shown["Status"] == "FAILED: ValueError: too late"
    assert (shown["Title"], shown["Command"], shown["Owner"]) == ("Nightly", "probe", "ann")
    assert (shown["Arguments"], shown["Options"]) == ('["fail", 5]', '{"directory": "/tmp"}')
    assert (shown["Queue"], shown["Limits"]) == ("slow, priority 7", "90 s, 512 MB, niceness 5")
    assert (shown["Took"], shown["Attempt"], shown["Exit"]) == ("4 min 0 s", "2 of 2", "code 1")
    assert (shown["Host"], shown["Processes"]) == (host_name().split("/")[0], "monitor 11, command 12")
    assert (shown["Progress"], shown["Result"]) == ("1 of 4 (25 %)", '{"rows": 1}')
    assert shown["Log"] == f"{files.log} (1.5 KB)"
    printed = tasks("show", task.pk)[0]
    assert f"Retry of    {before.pk}\nRetried by  {after.pk} (READY)" in printed
    assert "Attempt 1 failed: OSError: no\nthe first\ntraceback" in texts
    assert "Details of the error:\nTraceback\n  line\N{REPLACEMENT CHARACTER}[2J" in texts
    assert as_json("show", task.pk)["retry_of"] == str(before.pk)


def test_a_bare_task_is_shown_without_empty_lines(db):
    shown, texts = facts(TaskState.objects.create(command="probe").pk)
    assert shown.keys() == {"Task", "Status", "Command", "Owner", "Queue", "Launched"}
    assert (shown["Status"], shown["Owner"], texts) == ("READY", "nobody", "")


def test_a_function_is_shown_by_its_call(db):
    options = {"arguments": [7], "keywords": {"language": "en"}}
    task = TaskState.objects.create(command="call_task", arguments=["library.tasks.recompute"], options=options)
    assert facts(task.pk)[0]["Call"] == 'recompute(7, language="en")'


def test_a_status_is_coloured_on_a_terminal_alone(db, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("DJANGO_COLORS", raising=False)
    task = TaskState.objects.create(command="probe", status=Status.LOST)
    assert "\033[" in tasks("show", task.pk, stdout=Terminal())[0]
    assert "\033[" not in tasks("show", task.pk, "--no-color", stdout=Terminal())[0]
    assert "\033[" not in tasks("show", task.pk)[0]


@pytest.mark.django_db(transaction=True)
def test_a_task_is_brought_to_the_truth_first(runtime_dir):
    fields = {"status": Status.RUNNING, "host": host_name(), "lease": 1}
    task = TaskState.objects.create(command="probe", monitor_pid=NOBODY, monitor_start=1, **fields)
    assert as_json("show", task.pk)["status"] == "LOST"


def test_links_are_those_of_the_sites_pages(db, settings):
    task = TaskState.objects.create(command="probe", result={"download": "/exports/1/"})
    settings.BROKERLESS = settings.BROKERLESS | {"BASE_URL": "https://books.example.org/shop/"}
    page = f"/shop/tasks/{task.pk}/"
    expected = {"self": page, "log": f"{page}log", "cancel": f"{page}cancel", "download": "/exports/1/"}
    assert as_json("show", task.pk)["links"] == expected
    TaskState.objects.update(status=Status.FAILED)
    assert "cancel" not in as_json("show", task.pk)["links"]


def test_a_site_without_the_pages_has_no_links(db, settings):
    task = TaskState.objects.create(command="probe")
    settings.ROOT_URLCONF = __name__
    clear_url_caches()
    try:
        assert as_json("show", task.pk)["links"] == {}
    finally:
        clear_url_caches()
