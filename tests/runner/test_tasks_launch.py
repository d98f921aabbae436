"""`manage.py tasks launch`: what is typed, what is recorded, what is printed, and the exit codes."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
from contextlib import suppress
from datetime import timedelta

import pytest
from django.core.management import CommandError
from django.utils import timezone

from brokerless import pausing
from brokerless.models import TaskState
from tests.eventually import eventually
from tests.runner.tasks_command import as_json, manage, refused, tasks

Status = TaskState.Status


@pytest.fixture
def recorded(db, dispatched, use_launcher):
    """Have nothing be started; return the function that launches and returns the only row."""
    use_launcher(queues={"slow": {"timeout": 7}})

    def launch(*words):
        tasks("launch", *words)
        return TaskState.objects.get()

    return launch


def test_the_id_is_printed_and_how_to_follow_it_is_mentioned(recorded):
    printed, mentioned = tasks("launch", "generate_books", 5)
    task = TaskState.objects.get()
    assert printed == f"{task.pk}\n"
    assert mentioned == (
        f"To follow it: manage.py tasks log -f {task.pk}; to wait: manage.py tasks wait {task.pk}\n"
    )
    assert (task.command, task.arguments, task.options, task.owner) == ("generate_books", [5], {}, None)
    assert tasks("launch", "--verbosity", 0, "generate_books", 5) == ("", "")


def test_a_launch_on_a_paused_host_says_that_it_waits(recorded):
    pausing.pause()
    assert "It waits, as tasks are paused here" in tasks("launch", "generate_books", 5)[1]


@pytest.mark.parametrize(
    "words",
    [
        ["generate_books", 3000000, "--json"],
        ["generate_books", "--json", 3000000],
        ["--json", "generate_books", 3000000],
    ],
)
def test_the_task_is_printed_as_json_wherever_the_option_stands(recorded, words):
    printed = json.loads(tasks("launch", *words)[0])
    assert printed == as_json("show", TaskState.objects.get().pk) | {"next_poll_ms": printed["next_poll_ms"]}
    assert (printed["command"], printed["arguments"], printed["status"]) == ("generate_books", [3000000], "READY")


@pytest.mark.parametrize(
    ("words", "arguments", "options"),
    [
        (["options_probe", "x", 1, -2], ["x", 1, -2], {}),
        (["options_probe", "x", 7, "--title", "T", "--count", 5], ["x", 7], {"count": 5}),
        (["options_probe", "--title", "T", "x"], ["x"], {}),
        (["options_probe", "x", "--n", 7], ["x"], {"n": 7}),
        (["options_probe", "--title=T", "--tag=--json", "x"], ["x"], {"tag": ["--json"]}),
        (["--title", "T", "options_probe", "x", "-v", 0], ["x"], {"verbosity": 0}),
        (["options_probe", "--", "--title"], ["--title"], {}),
        (["options_probe", "x", "--no-wait", "--loud"], ["x"], {"wait": False, "loud": True}),
    ],
)
def test_the_commands_words_are_read_by_its_own_parser(recorded, words, arguments, options):
    task = recorded(*words)
    assert (task.arguments, task.options) == (arguments, options)
    assert task.title == ("T" if "T" in words or "--title=T" in words else "Options probe")


def test_an_option_that_the_command_has_is_the_commands(recorded):
    from brokerless.arguments import load_command
    from brokerless.management.subcommands.launching import own_words

    parser = load_command("options_probe").create_parser("manage.py", "options_probe")
    assert own_words(parser, ["x", "--queue", "q", "--wait"]) == (["--queue", "q", "--wait"], ["x"])
    parser.add_argument("--queue")
    assert own_words(parser, ["x", "--queue", "q"]) == ([], ["x", "--queue", "q"])
    parser.add_argument("words", nargs="...")
    assert own_words(parser, ["x", "--json"]) == ([], ["x", "--json"])


def test_the_options_of_a_launch_are_recorded(recorded, django_user_model):
    ann = django_user_model.objects.create(username="ann")
    task = recorded(
        *("generate_books", 5, "--queue", "slow", "--priority", -5, "--run-after", "2h", "--timeout", "5m"),
        *("--memory-limit", "512MB", "--nice", 3, "--max-attempts", 4, "--owner", "ann", "--title", "Nightly"),
    )
    assert (task.queue, task.priority, task.timeout, task.memory_limit) == ("slow", -5, 300.0, 512_000_000)
    assert (task.nice, task.max_attempts, task.owner, task.title) == (3, 4, ann, "Nightly")
    assert abs(task.run_after - timezone.now() - timedelta(hours=2)) < timedelta(minutes=1)


def test_without_options_the_queues_defaults_apply(recorded):
    assert recorded("generate_books", 5, "--queue", "slow").timeout == 7


def test_of_one_unique_key_one_task_is_launched(recorded):
    first = recorded("generate_books", 5, "--unique-key", "books")
    printed, mentioned = tasks("launch", "generate_books", 5, "--unique-key", "books")
    assert printed == f"{first.pk}\n"
    assert mentioned.startswith("Nothing was launched: generate_books of the same key is unfinished already.\n")
    assert TaskState.objects.count() == 1


@pytest.mark.parametrize(
    ("words", "sentence", "says_usage"),
    [
        (["no_such"], "There is no management command 'no_such'", False),
        (["generate_books"], "the following arguments are required: COUNT", True),
        (["generate_books", "many"], "'many' is not a whole number", True),
        (
            ["generate_books", 5, "--colour", "red"],
            "Neither generate_books nor `tasks launch` knows --colour red.",
            True,
        ),
        (["generate_books", 5, 6], "Neither generate_books nor `tasks launch` knows 6.", True),
        (["generate_books", 5, "--queue"], "argument --queue: expected one argument", True),
        (["generate_books", 5, "--timeout", "soon"], "argument --timeout: 'soon' is not a number", True),
        (["generate_books", 5, "--memory-limit", "512 apples"], "is no size such as 512MB", True),
        (["generate_books", 5, "--queue", "no"], "There is no queue 'no' in BROKERLESS['QUEUES']", False),
        (["generate_books", 5, "--timeout", "0"], "timeout is 0.0, but must be seconds, more than 0", False),
        (["generate_books", 5, "--nice", "20"], "nice is 20, but must be from 0 to 19", False),
        (["generate_books", 5, "--priority", "101"], "priority is 101, but must be", False),
        (["generate_books", 5, "--owner", "bob"], "There is no user 'bob'.", False),
        (["tasks", "tick"], "has subcommands", True),
    ],
)
def test_wrong_words_record_nothing_and_exit_with_2(recorded, words, sentence, says_usage):
    mentioned = io.StringIO()
    code, said = refused("launch", *words, stderr=mentioned)
    assert code == 2
    assert sentence in said
    assert len(said.splitlines()) == 1
    assert mentioned.getvalue().startswith(f"usage: manage.py tasks launch {words[0]}") == says_usage
    assert not TaskState.objects.exists()


def test_a_command_is_required(db):
    with pytest.raises(CommandError, match="COMMAND"):
        tasks("launch")


def test_too_many_tasks_of_an_owner_are_an_error_of_one_line(recorded, settings, django_user_model):
    django_user_model.objects.create(username="ann")
    settings.BROKERLESS = settings.BROKERLESS | {"MAX_UNFINISHED_PER_OWNER": 1}
    recorded("generate_books", 5, "--owner", "ann")
    code, said = refused("launch", "generate_books", 5, "--owner", "ann")
    assert code == 1
    assert said.startswith("There are 1 unfinished tasks of this owner")
    assert TaskState.objects.count() == 1


@pytest.mark.system
@pytest.mark.parametrize(
    ("words", "code", "status"),
    [
        (["succeed"], 0, Status.SUCCESSFUL),
        (["sys_exit", 7], 7, Status.FAILED),
        (["raise_command_error"], 4, Status.FAILED),
        (["os_exit", 0], 1, Status.FAILED),
        (["kill_itself", 9], 128 + signal.SIGKILL, Status.FAILED),
    ],
)
def test_a_launch_that_waits_exits_as_the_command_does(processes, words, code, status):
    launched = manage("launch", "probe", *words, "--directory", processes.words, "--wait")
    printed, mentioned = launched.communicate(timeout=60)
    task = TaskState.objects.get()
    assert (launched.returncode, task.status) == (code, status), mentioned
    assert f"probe {task.pk}: {status}" in (printed if code == 0 else mentioned)
    assert "\r" not in mentioned


@pytest.mark.system
def test_a_launched_task_goes_on_when_the_launch_has_ended(processes):
    launched = manage("launch", "probe", "return_at_word", "--directory", processes.words, "--json")
    task = TaskState.objects.get(pk=json.loads(launched.communicate(timeout=60)[0])["id"])
    assert launched.returncode == 0
    processes.await_word("started", task)
    shown = as_json("show", task.pk)
    assert shown["status"] == "RUNNING"
    assert processes.is_alive(shown["monitor_pid"])
    assert processes.is_alive(shown["command_pid"])
    processes.say()
    assert processes.await_end(task).status == Status.SUCCESSFUL


@pytest.mark.system
def test_a_function_is_launched_by_the_command_that_calls_it(processes):
    words = ["launch", "call_task", "tests.probes.functions.add", "--arguments", "[20, 22]", "--wait", "--json"]
    launched = manage(*words)
    printed = json.loads(launched.communicate(timeout=60)[0])
    assert (launched.returncode, printed["status"], printed["result"]) == (0, "SUCCESSFUL", 42)


@pytest.mark.system
def test_wrong_words_in_a_shell_exit_with_2_after_the_commands_usage(processes):
    launched = manage("launch", "generate_books", "many")
    printed, mentioned = launched.communicate(timeout=60)
    usage, *_, last = mentioned.splitlines()
    assert (launched.returncode, printed) == (2, "")
    assert usage.startswith("usage: manage.py tasks launch generate_books ")
    assert last.startswith("CommandError: generate_books: argument COUNT: 'many' is not a whole number")


@pytest.mark.system
def test_a_terminal_sees_how_far_the_task_is_and_ctrl_c_leaves_it_alone(processes):
    shown, terminal = pty.openpty()
    words = ["launch", "probe", "track_items", 10, 5, "--directory", processes.words, "--wait"]
    launched = manage(*words, stdout=subprocess.DEVNULL, stderr=terminal)
    os.close(terminal)
    os.set_blocking(shown, False)
    seen = []

    def has_seen(text):
        with suppress(BlockingIOError, OSError):
            seen.append(os.read(shown, 65_536))
        return text in b"".join(seen)

    eventually(lambda: has_seen(b"Reading: 5 of 10 books (50 %)"), why="the progress")
    assert b"\r\033[K" in b"".join(seen)
    launched.send_signal(signal.SIGINT)
    assert launched.wait(timeout=60) == 130
    eventually(lambda: has_seen(b"to stop it: manage.py tasks cancel"), why="the remedy")
    os.close(shown)
    task = TaskState.objects.get()
    assert task.status == Status.RUNNING
    processes.say()
    assert processes.await_end(task).status == Status.SUCCESSFUL
