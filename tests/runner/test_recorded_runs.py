"""Recorded runs as programs: what stays in the terminal, what is left in the row, and how they end."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from brokerless.models import Host, TaskState
from brokerless.processes import host_name
from brokerless.tick import look_after
from tests.eventually import eventually
from tests.real_processes import describe

pytestmark = pytest.mark.system

Status = TaskState.Status
MANAGE_PY = Path(__file__).parents[2] / "manage.py"
DEADLINE = 60  # seconds


@pytest.fixture
def by_hand(processes):
    """Return the function that starts a probe as one types it, recorded."""
    processes.configure(RECORD=["probe"])
    started = []

    def start(action, *values, words=(), **keywords):
        line = [
            sys.executable,
            str(MANAGE_PY),
            "probe",
            action,
            *map(str, values),
            f"--directory={processes.words}",
        ]
        usual = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": "/"}
        started.append(subprocess.Popen([*line, *words], **usual | keywords))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def ended(process):
    """Return what a run has printed, and its exit code."""
    out, err = process.communicate(timeout=DEADLINE)
    return out, err, process.returncode


def only_row():
    return TaskState.objects.get()


def test_a_run_leaves_all_that_a_task_leaves_and_prints_what_it_always_did(by_hand, processes):
    out, err, code = ended(by_hand("greet", "Zoë", words=["-v", "2"]))
    row = only_row()
    assert (out, err, code) == ("Hello, Zoë\n", "To the error stream, Zoë\n", 0), describe(row)
    assert (row.status, row.exit_code, row.by_hand, row.owner) == (Status.SUCCESSFUL, 0, True, None)
    assert row.arguments == ["greet", "Zoë"]
    assert row.options == {"directory": str(processes.words), "verbosity": 2}
    assert row.result == {"greeted": "Zoë"}
    assert row.created_at <= row.started_at <= row.finished_at
    assert row.peak_memory > 1_000_000
    assert processes.log(row).decode() == "Hello, Zoë\nTo the error stream, Zoë\n"
    assert row.unique_key is None
    assert Host.objects.filter(name=row.host).exists()  # among those that are looked at for failures


def test_what_a_run_tells_its_user_is_in_the_row(by_hand):
    ended(by_hand("tell", "half way"))
    row = only_row()
    assert [notice["text"] for notice in row.notices] == ["half way"], describe(row)


def test_what_is_written_as_bytes_is_no_text_for_a_log(by_hand, processes):
    process = by_hand("print_binary", text=False)
    out, _err = process.communicate(timeout=DEADLINE)
    assert out == bytes(range(256)) * 4
    assert processes.log(only_row()) == b""


@pytest.mark.parametrize(
    ("action", "values", "code", "kind", "said"),
    [
        ("sys_exit", [0], 0, "", ""),
        ("sys_exit", [3], 3, "SystemExit", ""),
        ("sys_exit_with_text", ["enough"], 1, "SystemExit", "enough\n"),
        ("raise_command_error", [], 4, "CommandError", "CommandError: "),
        ("raise_value_error", [], 1, "ValueError", "Traceback (most recent call last):\n"),
        ("os_exit", [7], 7, "exited", ""),
        ("os_exit", [0], 0, "exited-without-reporting", ""),
        ("kill_itself", [9], 137, "killed-by-signal", ""),
        ("segfault", [], 139, "killed-by-signal", ""),
    ],
)
def test_every_end_has_its_exit_code_and_is_in_the_row(by_hand, action, values, code, kind, said):
    _out, err, found = ended(by_hand(action, *values))
    row = only_row()
    assert (found, row.error_type) == (code, kind), describe(row)
    assert said in err
    assert row.status == (Status.FAILED if kind else Status.SUCCESSFUL)


def test_wrong_words_leave_no_row_and_the_usual_usage(by_hand):
    _out, err, code = ended(by_hand("succeed", words=["--no-such"]))
    assert (code, TaskState.objects.count()) == (2, 0)
    assert "usage: manage.py probe" in err
    assert "unrecognized arguments: --no-such" in err


def test_without_a_record_there_is_none(by_hand):
    assert ended(by_hand("greet", "you", words=["--no-record"]))[2] == 0
    assert not TaskState.objects.exists()


def test_a_run_that_cannot_be_recorded_runs_all_the_same_and_says_so(by_hand, processes):
    # No database: it is the command's own affair whether it needs one.
    environment = os.environ | {"DATABASE_URL": f"sqlite:///{processes.directory}"}
    out, err, code = ended(by_hand("greet", "you", env=environment))
    assert (code, out) == (0, "Hello, you\n"), err
    assert "This run is not recorded: " in err
    out, err, code = ended(by_hand("greet", "you", words=["--verbosity", "0"], env=environment))
    assert (code, err) == (0, "To the error stream, you\n")


def on_a_terminal(by_hand, action):
    """Start a run in the foreground of a terminal; return it, and the terminal's other end."""
    primary, secondary = pty.openpty()
    process = by_hand(
        action, stdin=secondary, stdout=secondary, stderr=secondary, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(secondary, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(secondary)
    return process, primary


def test_ctrl_c_is_a_cancelled_run_that_ends_of_it_as_python_does(by_hand, processes):
    process, terminal = on_a_terminal(by_hand, "sleep_long")
    processes.await_word("started")
    os.write(terminal, b"\x03")
    assert process.wait(DEADLINE) == -signal.SIGINT  # on which a shell ends its loop
    assert only_row().status == Status.CANCELLED
    os.close(terminal)


def test_a_command_that_heeds_ctrl_c_in_its_own_way_may_take_its_time(by_hand, processes):
    process, terminal = on_a_terminal(by_hand, "finish_on_interrupt")
    processes.await_word("started")
    os.write(terminal, b"\x03")
    processes.await_word("interrupted")
    processes.say()
    assert process.wait(DEADLINE) == 0
    assert only_row().status == Status.SUCCESSFUL
    os.close(terminal)


def test_sigint_without_a_terminal_is_passed_on(by_hand, processes):
    process = by_hand("sleep_long", start_new_session=True)
    processes.await_word("started")
    process.send_signal(signal.SIGINT)
    assert ended(process)[2] == -signal.SIGINT
    assert only_row().status == Status.CANCELLED


def test_what_nohup_has_it_ignore_stays_ignored(by_hand, processes):
    process = by_hand("return_at_word", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    processes.await_word("started")
    process.send_signal(signal.SIGHUP)
    processes.say()
    assert ended(process)[2] == 0


def test_closed_standard_streams_stop_nobody(by_hand):
    process = by_hand("succeed", stdin=None, stdout=None, stderr=None, preexec_fn=lambda: os.closerange(0, 3))
    assert process.wait(DEADLINE) == 0
    assert only_row().status == Status.SUCCESSFUL


@pytest.mark.parametrize("mode", [0o755, None])
def test_without_a_directory_for_its_log_it_runs_unrecorded(by_hand, processes, mode):
    runtime = processes.directory / "runtime"
    if mode is None:
        runtime.write_text("a file")
    else:
        runtime.mkdir(mode)
        runtime.chmod(mode)
    # As check E008 is an error, for the commands that want checks.
    out, err, code = ended(by_hand("greet", "you", words=["--skip-checks"]))
    assert (code, out, TaskState.objects.count()) == (0, "Hello, you\n", 0), err
    assert "This run is not recorded: The runtime directory " in err


def test_a_skipped_run_leaves_no_directory(by_hand, processes):
    first = by_hand("sleep_long")
    processes.await_word("started")
    assert ended(by_hand("sleep_long"))[2] == 0
    assert [path.name for path in (processes.directory / "runtime").glob("*-*")] == [str(only_row().pk)]
    first.terminate()
    ended(first)


def test_a_line_of_the_log_is_whole_and_what_was_flushed_is_there_at_once(by_hand, processes):
    process = by_hand("speak_by_and_by")
    processes.await_word("started")
    assert processes.log(only_row()) == b"half a line"
    processes.say()
    assert ended(process)[0] == "half a line, and the rest\n"
    assert processes.log(only_row()) == b"half a line, and the rest\n"


def test_sigterm_stops_the_run_and_is_told_as_what_it_is(by_hand, processes):
    process = by_hand("sleep_long")
    processes.await_word("started")
    process.terminate()
    assert ended(process)[2] == 143
    assert (only_row().status, only_row().error_type) == (Status.FAILED, "shut-down")


def test_a_run_by_hand_can_be_cancelled_from_elsewhere(by_hand, processes):
    process = by_hand("sleep_long")
    processes.await_word("started")
    assert only_row().cancel()
    assert ended(process)[2] == 143
    assert only_row().status == Status.CANCELLED


def test_a_killed_run_is_lost_and_its_command_dies_with_it(by_hand, processes):
    process = by_hand("sleep_long")
    processes.await_word("started")
    row = only_row()
    assert row.monitor_pid == process.pid
    process.kill()
    process.wait()
    assert look_after(only_row()).status == Status.LOST
    eventually(lambda: not processes.is_alive(row.command_pid), why="the command is dead")


def test_the_same_is_skipped_while_it_runs_also_once_it_was_killed(by_hand, processes):
    first = by_hand("sleep_long")
    processes.await_word("started")
    _out, err, code = ended(by_hand("sleep_long"))
    assert (code, "this run is skipped" in err) == (0, True)
    first.kill()
    first.wait()
    (processes.words / "started").unlink()
    second = by_hand("sleep_long")  # brings the first one to the truth, and takes its place
    processes.await_word("started")
    assert sorted(TaskState.objects.values_list("status", flat=True)) == [Status.LOST, Status.RUNNING]
    second.terminate()
    ended(second)


def test_a_run_by_hand_takes_no_place(by_hand, processes):
    processes.configure(RECORD=["probe"], MAX_PROCESSES=1)
    process = by_hand("return_at_word")
    processes.await_word("started")
    assert processes.await_end(processes.launch("succeed")).status == Status.SUCCESSFUL
    assert TaskState.objects.get(by_hand=True).status == Status.RUNNING
    processes.say()
    assert ended(process)[2] == 0


def test_what_waits_when_a_run_by_hand_ends_is_started_by_another_process(by_hand, processes):
    process = by_hand("return_at_word")
    processes.await_word("started")
    waiting = TaskState.objects.create(command="probe", arguments=["succeed"])
    processes.say()
    assert ended(process)[2] == 0
    assert processes.await_end(waiting, look=False).status == Status.SUCCESSFUL


def test_a_paused_host_runs_by_hand_what_it_is_told_to(by_hand):
    Host.objects.create(name=host_name(), paused_at="2026-01-01T00:00Z")
    assert ended(by_hand("succeed"))[2] == 0
    assert only_row().status == Status.SUCCESSFUL
