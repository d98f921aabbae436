"""`manage.py tasks list`: which tasks, in which order, for people, for pipes and for scripts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from brokerless.models import TaskState
from tests.runner.many_rows import COUNT, make_many, plan_of
from tests.runner.tasks_command import Terminal, as_json, refused, tasks

pytestmark = pytest.mark.django_db

Status = TaskState.Status


@pytest.fixture
def ann(django_user_model):
    return django_user_model.objects.create(username="ann")


@pytest.fixture
def five(ann):
    """Record a task of every kind, the newest first."""
    now = timezone.now()
    kinds = [
        {"command": "export_books", "status": Status.RUNNING, "host": "one/boot/1", "owner": ann},
        {"command": "export_books", "status": Status.READY, "queue": "slow"},
        {"command": "load_books", "status": Status.STARTING, "host": "onerous/boot/1"},
        {"command": "load_books", "status": Status.FAILED, "host": "one/boot/2", "error_title": "No such file."},
        {"command": "export_authors", "status": Status.SUCCESSFUL, "owner": ann},
    ]
    return [
        TaskState.objects.create(title=str(number), created_at=now - timedelta(hours=number), **fields)
        for number, fields in enumerate(kinds)
    ]


def test_an_empty_database_is_said_in_one_sentence():
    assert tasks("list") == ("", "There is no task yet.\n")
    assert tasks("list", "--status", "FAILED") == ("", "No task is like that.\n")
    assert tasks("list", "--json", verbosity=0) == ("[]\n", "")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], "01234"),
        (["--status", "FAILED"], "3"),
        (["--status", "failed", "READY"], "13"),
        (["--status", "FAILED", "--status", "READY"], "13"),
        (["--unfinished"], "012"),
        (["--active"], "02"),
        (["--command", "load_books"], "23"),
        (["--command", "load"], ""),
        (["--queue", "slow"], "1"),
        (["--owner", "ann"], "04"),
        (["--host", "one"], "03"),
        (["--host", "one/boot/2"], "3"),
        (["--host", "o%"], ""),
        (["--since", "90m"], "01"),
        (["--since", "1h30m"], "01"),
        (["--since", "2020-01-31"], "01234"),
        (["--since", "2999-01-31T12:00"], ""),
        (["--owner", "ann", "--active"], "0"),
        (["--limit", "2"], "01"),
    ],
)
def test_the_options_choose(five, words, found):
    assert "".join(task["title"] for task in as_json("list", *words)) == found


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--status", "DONE"], "invalid choice: 'DONE'"),
        (["--status", "FAILED", "--active"], "not allowed with"),
        (["--since", "yesterday"], "'yesterday' is neither a duration such as 2h or 3d nor a date"),
        (["--since", "99999999999d"], "too long a duration"),
        (["--since", "2027-02-30"], "neither a duration"),
        (["--limit", "0"], "'0' is not a whole number from 1 to 2147483647"),
        (["--limit", "99999999999999999999"], "'99999999999999999999' is not a whole number from 1 to"),
        (["--owner", "bob"], "There is no user 'bob'."),
    ],
)
def test_wrong_options_are_refused(words, sentence):
    assert sentence in refused("list", *words)[1]


def test_a_pipe_gets_everything_on_one_line_for_each_task(five):
    TaskState.objects.filter(title="3").update(
        error_type="ValueError", error_title="no " * 50, arguments=["a\nb", 5], options={"language": "eng"}
    )
    printed, mentioned = tasks("list")
    heading, *lines = printed.splitlines()
    assert heading.split() == ["ID", "STATUS", "LAUNCHED", "TOOK", "OWNER", "TASK", "NOTE"]
    assert [line.split()[0] for line in lines] == [str(task.pk) for task in five]
    assert "ann" in lines[0]
    assert f"load_books a b, 5, language: eng  ValueError: {'no ' * 49}no" in lines[3]
    assert len({line.index("_") - len(line.split("_")[0].split()[-1]) for line in lines}) == 1, "aligned"
    assert "\033" not in printed
    assert mentioned == ""


def test_a_terminal_gets_short_lines_in_colour(five, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("DJANGO_COLORS", raising=False)
    TaskState.objects.filter(title="3").update(error_type="ValueError", error_title="no " * 50)
    coloured = tasks("list", stdout=Terminal())[0]
    plain = tasks("list", "--no-color", stdout=Terminal())[0]
    assert "\033[" in coloured
    assert "\033[" not in plain
    assert max(map(len, plain.splitlines())) == 60
    assert str(five[0].pk)[:8] in plain
    assert str(five[0].pk) not in plain
    monkeypatch.setenv("NO_COLOR", "1")
    assert tasks("list", stdout=Terminal())[0] == plain
    assert tasks("list", "--force-color", stdout=Terminal())[0] == coloured
    assert "\033[" in tasks("list", "--force-color")[0]


def test_nothing_of_what_others_wrote_is_obeyed_by_the_terminal(ann):
    hostile = "\033]0;owned\007\033[2J\r\n\u202egpj\x9b31m"
    TaskState.objects.create(command="probe", options={"x": hostile}, status=Status.FAILED, error_title=hostile)
    ann.username = "ann\033[8m"
    ann.save()
    TaskState.objects.update(owner=ann)
    printed = tasks("list")[0]
    assert len(printed.splitlines()) == 2
    assert not {"\033", "\007", "\r", "\u202e", "\x9b"} & set(printed)
    assert tasks("list", "--json")[0].isascii()


def test_more_tasks_than_are_shown_are_mentioned(five):
    printed, mentioned = tasks("list", "--limit", "4")
    assert len(printed.splitlines()) == 1 + 4
    assert mentioned == "There are more than 4 tasks; --limit 16 shows more of them.\n"
    assert tasks("list", "--limit", "5")[1] == ""


def test_a_line_tells_how_far_a_task_is_and_until_when_one_waits():
    TaskState.objects.create(
        command="probe", status=Status.RUNNING, progress_current=40, progress_total=100, progress_unit="books"
    )
    TaskState.objects.create(command="probe", run_after=timezone.now() + timedelta(hours=1))
    TaskState.objects.create(command="probe", status=Status.RUNNING, cancel_requested_at=timezone.now())
    printed = tasks("list")[0]
    assert "40 of 100 books (40 %)" in printed
    assert "not before 20" in printed
    assert "CANCELLING" in printed


def test_a_list_as_json_and_one_task_as_json_are_of_one_shape(five):
    (listed,) = as_json("list", "--limit", "1")
    shown = as_json("show", five[0].pk)
    assert listed.keys() == shown.keys()
    assert {"host", "monitor_pid", "command_pid", "by_hand", "retry_of", "links", "progress"} <= listed.keys()
    assert (listed["id"], listed["owner"], listed["host"]) == (str(five[0].pk), "ann", "one")
    assert listed["links"]["self"] == f"/tasks/{five[0].pk}/"


@pytest.mark.parametrize("database", ["usual", "postgres"])
def test_a_hundred_thousand_rows_are_listed_by_one_query_that_reads_a_few(request, database):
    if database == "postgres":
        request.getfixturevalue("postgres")
    make_many(error_detail="x" * 500)
    assert TaskState.objects.count() == COUNT
    looks = {
        (): ["brokerless_created"],
        ("--since", "2h"): ["brokerless_created"],
        ("--status", "FAILED"): ["brokerless_created", "brokerless_status_created"],
        # SQLite, which keeps no histogram, may walk the index of the newest instead.
        ("--unfinished",): ["brokerless_status", "brokerless_created"],
    }
    for words, indexes in looks.items():
        with CaptureQueriesContext(connection) as queries:
            tasks("list", *words)
        assert len(queries) == 1, words
        sql = queries[0]["sql"]
        assert "error_detail" not in sql
        assert "context" not in sql
        plan = plan_of(sql)
        assert any(index in plan for index in indexes), plan
        assert "Seq Scan on brokerless_taskstate" not in plan
    with CaptureQueriesContext(connection) as queries:
        assert len(as_json("list")) == 25
    assert len(queries) == 1
