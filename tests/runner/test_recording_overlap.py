"""The same command with the same options runs once at a time."""

from __future__ import annotations

import pytest

from brokerless.exit_codes import EXIT_BUSY
from brokerless.models import TaskState
from brokerless.recording.overlap import admit_alone, key_of

Status = TaskState.Status

pytestmark = pytest.mark.django_db


def make(status=Status.STARTING, **fields):
    own = {"command": "export_books", "by_hand": True, "status": status, "host": "here/1/2", "lease": 1}
    task = TaskState(**own | fields)
    task.unique_key = key_of(task)
    return task


def running(**fields):
    task = make(host="another/1/2", **fields)
    admit_alone(task, if_running="fail", quiet=False)
    TaskState.objects.filter(pk=task.pk).update(status=Status.RUNNING)
    return task


@pytest.fixture(autouse=True)
def no_look(monkeypatch):
    """Have nobody look at a run of another host; one that is finished is seen as such."""

    def look(task):
        task.refresh_from_db()
        return task

    monkeypatch.setattr("brokerless.recording.overlap.look_after", look)


def admit(capsys, **keywords):
    """Try to record a run of the same, and return its exit code, if that was all, and what it said."""
    code = None
    try:
        admit_alone(make(**keywords.pop("fields", {})), **{"if_running": "skip", "quiet": False} | keywords)
    except SystemExit as left:
        code = left.code
    return code, capsys.readouterr().err


def test_the_same_is_skipped_with_a_line(capsys):
    first = running()
    code, said = admit(capsys)
    assert code == 0
    assert said.startswith("export_books with the same options runs since ")
    assert said.endswith(f" on another (task {first.pk}); this run is skipped.\n")
    assert TaskState.objects.count() == 1


def test_with_verbosity_0_it_is_skipped_without_a_word(capsys):
    running()
    assert admit(capsys, quiet=True) == (0, "")


def test_it_fails_where_that_is_asked_for_and_says_why_in_any_case(capsys):
    running()
    code, said = admit(capsys, if_running="fail", quiet=True)
    assert (code, "runs since" in said) == (EXIT_BUSY, True)


def test_it_waits_where_that_is_asked_for(capsys, monkeypatch):
    first = running()
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 2:
            TaskState.objects.filter(pk=first.pk).update(status=Status.SUCCESSFUL, unique_key=None)

    monkeypatch.setattr("brokerless.recording.overlap.time.sleep", pause)
    code, said = admit(capsys, if_running="wait")
    assert (code, said.count("waiting for its end"), len(pauses)) == (None, 1, 2)
    assert TaskState.objects.count() == 2


@pytest.mark.parametrize(
    "fields", [{"options": {"language": "eng"}}, {"arguments": ["x"]}, {"command": "export_authors"}]
)
def test_another_command_or_other_options_run_beside_it(capsys, fields):
    running()
    admit_alone(make(**fields), if_running="fail", quiet=False)
    assert TaskState.objects.count() == 2


def test_how_much_it_says_is_no_other_option(capsys):
    running(options={"verbosity": 0, "language": "eng"})
    assert admit(capsys, fields={"options": {"language": "eng", "verbosity": 2}})[0] == 0


def test_one_that_has_ended_is_in_nobodys_way(capsys):
    first = running()
    TaskState.objects.filter(pk=first.pk).update(status=Status.LOST, unique_key=None)
    assert admit(capsys, if_running="fail") == (None, "")


def test_a_task_from_a_page_is_in_nobodys_way(capsys):
    TaskState.objects.create(command="export_books", status=Status.RUNNING)
    assert admit(capsys, if_running="fail") == (None, "")
