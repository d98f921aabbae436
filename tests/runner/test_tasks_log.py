"""`manage.py tasks log`."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from brokerless.log import LogWriter
from brokerless.management.subcommands import reading_logs
from brokerless.management.subcommands.log_output import last_lines
from brokerless.models import TaskState
from brokerless.processes import host_name, identify
from brokerless.runtime_dir import TaskFiles
from tests.eventually import eventually

Status = TaskState.Status
EXIT_INTERRUPTED = 130
FIRST = {"attempt": 1, "lease": 1, "worker": host_name().split("/")[0] + "/7"}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def make_task(runtime_dir):
    """Record a task whose monitor, if it has one, is this process, and write its log."""

    def make(output=None, *, status=Status.SUCCESSFUL, lease=1, attempt=1, **fields):
        own = identify(os.getpid())
        usual = {"host": host_name(), "monitor_pid": own.pid, "monitor_start": own.start}
        values = {"command": "probe", "status": status, "lease": lease, "attempt": attempt} | usual | fields
        task = TaskState.objects.create(**values)
        if output is not None:
            write(task, output)
        return task

    return make


def write(task, output, *, lease=None):
    with os.fdopen(TaskFiles(task.pk, lease or task.lease).open_log(), "wb") as log:
        log.write(output)


def read(task, *words, **options):
    """Print a task's log and return what went to the two streams."""
    printed, mentioned = io.StringIO(), io.StringIO()
    call_command("tasks", "log", str(task.pk), *words, stdout=printed, stderr=mentioned, **options)
    return printed.getvalue(), mentioned.getvalue()


class Follower:
    """Follows a log in a thread, and tells what it has printed so far."""

    def __init__(self, task, *words, is_terminal=False):
        self._printed, self.mentioned = io.StringIO(), io.StringIO()
        self._printed.isatty = lambda: is_terminal
        self._words = ["log", str(task.pk), "--follow", *words]
        self.error = None
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    @property
    def printed(self):
        return self._printed.getvalue()

    def await_words(self, words):
        eventually(lambda: words in self.printed, why=f"{words!r} is printed")

    def await_end(self):
        eventually(lambda: not self._thread.is_alive(), why="the log is followed no more")
        return self.printed

    def _follow(self):
        try:
            call_command("tasks", *self._words, stdout=self._printed, stderr=self.mentioned)
        except CommandError as error:
            self.error = error
        finally:
            connections.close_all()


@pytest.fixture(autouse=True)
def _look_often(monkeypatch):
    monkeypatch.setattr(reading_logs, "PAUSE", 0.01)


def change(task, **values):
    TaskState.objects.filter(pk=task.pk).update(**values)


def test_it_prints_plain_text(make_task):
    task = make_task(b"\x1b[31mred\x1b[0m\r\n10%\r20%\nthe end")
    assert read(task) == ("red\n20%\nthe end\n", "")


def test_raw_is_as_it_was_written(make_task):
    task = make_task("\x1b[31mrôd\x1b[0m\r\n10%\r20%".encode())
    assert read(task, "--raw") == ("\x1b[31mrôd\x1b[0m\r\n10%\r20%", "")


def test_the_beginning_of_an_id_is_enough(make_task):
    task = make_task(b"text\n")
    printed = io.StringIO()
    call_command("tasks", "log", str(task.pk)[:9], stdout=printed)
    assert printed.getvalue() == "text\n"
    with pytest.raises(CommandError, match="no task"):
        call_command("tasks", "log", "0000000000")


@pytest.mark.parametrize(
    ("words", "printed"),
    [(["-n", "1"], "3\n"), (["--lines", "2"], "2\n3\n"), (["--lines=0"], ""), (["--lines", "9"], "1\n2\n3\n")],
)
def test_the_last_lines(make_task, words, printed):
    task = make_task(b"1\n2\n3")
    assert read(task, *words)[0] == printed


@pytest.mark.parametrize("word", ["-1", "x", "1.5", ""])
def test_what_is_no_number_of_lines_is_refused(make_task, word):
    with pytest.raises(CommandError, match="not a whole number"):
        read(make_task(b""), f"--lines={word}")


def test_last_lines_of_text_and_bytes():
    assert last_lines("a\nb\n", 1) == "b\n"
    assert last_lines(b"a\nb", 1) == b"b"
    assert last_lines("\n\n", 1) == "\n"
    assert last_lines("", 3) == ""


def test_the_end_of_an_over_long_log_is_there(make_task):
    task = make_task(status=Status.RUNNING)
    files = TaskFiles(task.pk, 1)
    writer = LogWriter(files.open_log(), files.log, limit=1000)
    for number in range(1000):
        writer.write(b"line %d\n" % number)
    printed = read(task)[0]
    writer.close()
    assert read(task)[0] == printed
    assert printed.startswith("line 0\nline 1\n")
    assert "bytes left out …]\n" in printed
    assert printed.endswith("\nline 998\nline 999\n")


def test_a_running_task_s_log_is_printed_with_the_line_that_is_not_finished(make_task):
    assert read(make_task(b"one\ntw", status=Status.RUNNING))[0] == "one\ntw\n"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status.READY, "There is no log yet: the task is READY."),
        (Status.FAILED, "There is no log: the task never"),
    ],
)
def test_a_task_without_a_log_says_so(make_task, status, words):
    printed, mentioned = read(make_task(status=status, lease=0, attempt=0, host="", monitor_pid=None))
    assert printed == ""
    assert mentioned.startswith(words)


def test_a_log_on_another_host_is_said_to_be_there(make_task):
    for words in ([], ["--follow"]):
        with pytest.raises(CommandError, match="it lies on the host web2; print it there"):
            read(make_task(host="we\x1b[31mb2/boot/1"), *words)


def test_each_attempt_has_its_log(make_task):
    task = make_task(b"of the second\n", lease=3, attempt=2, errors=[FIRST])
    write(task, b"of the first\n", lease=1)
    assert [read(task, *words)[0] for words in ([], ["--attempt", "1"], ["--attempt", "2", "-f"])] == [
        "of the second\n",
        "of the first\n",
        "of the second\n",
    ]
    with pytest.raises(CommandError, match="The task has no attempt 3; its latest is 2"):
        read(task, "--attempt", "3")


@pytest.mark.parametrize("flag", ["-f", "--follow"])
def test_following_a_finished_task_prints_its_log_and_ends(make_task, flag):
    assert read(make_task(b"one\nthe end"), flag) == ("one\nthe end\n", "")


def test_following_goes_on_until_the_task_is_finished(make_task):
    task = make_task(b"one\n10%", status=Status.RUNNING)
    follower = Follower(task)
    follower.await_words("one\n")
    write(task, b"\r20%\nthree\nfo")
    follower.await_words("20%\nthree\n")
    write(task, b"ur")
    change(task, status=Status.SUCCESSFUL)
    assert follower.await_end() == "one\n20%\nthree\nfour\n"
    assert follower.error is None


def test_following_begins_with_the_last_lines(make_task):
    task = make_task(b"1\n2\n3\n", status=Status.RUNNING)
    follower = Follower(task, "--lines", "1")
    follower.await_words("3\n")
    write(task, b"4\n")
    change(task, status=Status.FAILED)
    assert follower.await_end() == "3\n4\n"


def test_following_waits_for_a_task_that_has_not_begun(make_task):
    task = make_task(status=Status.READY, lease=0, attempt=0, host="", monitor_pid=None, by_hand=True)
    change(task, run_after="2100-01-01T00:00:00Z")
    follower = Follower(task)
    own = identify(os.getpid())
    running = {"host": host_name(), "monitor_pid": own.pid, "monitor_start": own.start}
    change(task, status=Status.RUNNING, lease=1, attempt=1, **running)
    write(task, b"hello\n", lease=1)
    follower.await_words("hello\n")
    change(task, status=Status.SUCCESSFUL)
    assert follower.await_end() == "hello\n"


def test_following_goes_on_with_the_next_attempt(make_task):
    task = make_task(b"first try", status=Status.RUNNING)
    follower = Follower(task)
    change(task, status=Status.READY, errors=[FIRST], run_after="2100-01-01T00:00:00Z")
    follower.await_words("first try")
    change(task, status=Status.RUNNING, lease=2, attempt=2)
    write(task, b"second try\n", lease=2)
    follower.await_words("second try\n")
    change(task, status=Status.SUCCESSFUL)
    assert follower.await_end() == "first try\nsecond try\n"
    assert follower.mentioned.getvalue() == "── attempt 2 ──\n"


def test_following_one_attempt_ends_with_it(make_task):
    task = make_task(b"first try\n", status=Status.RUNNING)
    follower = Follower(task, "--attempt", "1")
    change(task, status=Status.READY, errors=[FIRST], run_after="2100-01-01T00:00:00Z")
    assert follower.await_end() == "first try\n"


def test_following_ends_when_the_row_is_deleted(make_task):
    task = make_task(b"text\n", status=Status.RUNNING)
    follower = Follower(task)
    follower.await_words("text\n")
    TaskState.objects.all().delete()
    follower.await_end()
    assert "its row has been deleted" in str(follower.error)


def test_a_terminal_shows_the_line_that_is_not_finished(make_task, monkeypatch):
    monkeypatch.setenv("COLUMNS", "10")
    task = make_task(b"one\n 10%", status=Status.RUNNING)
    follower = Follower(task, is_terminal=True)
    follower.await_words("one\n\r\x1b[K 10%")
    write(task, b"\r a very long line")
    follower.await_words("\r\x1b[K a very …")
    change(task, status=Status.SUCCESSFUL)
    assert follower.await_end().endswith("\r\x1b[K a very long line\n")


def manage(task, *words):
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONUNBUFFERED": "1"}
    line = [sys.executable, "-m", "django", "tasks", "log", str(task.pk), *words]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)


def test_a_reader_that_goes_away_is_no_error(processes):
    task = processes.await_end(processes.launch("print_bytes", 1_000_000))
    for words in ([], ["--raw"], ["--follow"]):
        printing = manage(task, *words)
        assert printing.stdout.read(5) == b"begin"
        printing.stdout.close()
        assert printing.stderr.read() == b""
        assert printing.wait(20) == 0
        printing.stderr.close()


def test_ctrl_c_ends_the_following_and_not_the_task(processes):
    task = processes.launch_and_await_word("greet_at_word", "Ann")
    write(task, b"seen\n")
    following = manage(task, "--follow")
    assert following.stdout.readline() == b"seen\n"
    following.send_signal(signal.SIGINT)
    assert following.communicate(timeout=20) == (b"", b"")
    assert following.returncode == EXIT_INTERRUPTED
    assert processes.read(task).status == Status.RUNNING
    processes.say("go")
    processes.await_end(task)
    following = manage(task, "--follow")
    assert following.communicate(timeout=20) == (b"seen\nHello Ann\n", b"")
    assert following.returncode == 0
