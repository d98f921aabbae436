"""`manage.py export_books` as a program: its streams, its exit codes, its signals, its limits."""

from __future__ import annotations

import gzip
import os
import pty
import resource
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from brokerless.exports.files.ownership import PREFIX as STAMP
from brokerless.exports.models import ExportFile
from tests.eventually import eventually
from tests.exporting.making import make_many_books
from tests.exporting.reading import names_in, read_csv, read_file
from tests.real_processes import database_url

pytestmark = [pytest.mark.system, pytest.mark.django_db(transaction=True)]

MANAGE_PY = Path(__file__).parents[2] / "manage.py"
DEADLINE = 60  # seconds
ROWS = 20_000


# Of the rows that make_many_books() makes, one in five was published before this.
ONE_IN_FIVE = ("--published-before", "1199")
MAY_GROW = 1.05  # times; by DESIGN §7


@pytest.fixture
def environment(tmp_path):
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "library.settings",
        "DATABASE_URL": database_url(),
        "RUNTIME_DIR": str(tmp_path / "runtime"),
        "EXPORTS_DIR": str(tmp_path / "exports"),
        "EMAIL_FILE_PATH": str(tmp_path / "mail"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@pytest.fixture
def command(environment, tmp_path):
    """Return the function that gives the words and keywords by which to start the command."""

    def described(*words, **keywords):
        return [[sys.executable, str(MANAGE_PY), "export_books", *words]], {
            "env": environment | keywords.pop("env", {}),
            "cwd": tmp_path,
            **keywords,
        }

    return described


@pytest.fixture
def run(command):
    """Return the function that runs the command to its end."""

    def finished(*words, **keywords) -> subprocess.CompletedProcess:
        arguments, keywords = command(*words, **keywords)
        streams = {} if "stdout" in keywords else {"capture_output": True}
        return subprocess.run(*arguments, check=False, timeout=DEADLINE, **streams, **keywords)

    return finished


def test_a_file_goes_through_a_pipe_alone(run):
    make_many_books(3)
    done = run("--output", "-")
    assert done.returncode == 0
    assert len(read_csv(gzip.decompress(done.stdout))) == 3
    assert done.stderr.startswith(b"3 rows, ")


def test_a_terminal_gets_no_compressed_file(run):
    primary, secondary = pty.openpty()
    try:
        done = run("--output", "-", stdout=secondary, stderr=subprocess.PIPE)
        os.set_blocking(primary, False)
        with pytest.raises(BlockingIOError):
            os.read(primary, 1)
    finally:
        os.close(primary)
        os.close(secondary)
    assert done.returncode == 2
    assert b"is not written to a terminal; redirect it" in done.stderr


def test_a_terminal_sees_a_bar_on_standard_error_and_none_with_verbosity_0(run):
    make_many_books(ROWS)
    assert b"books" in on_a_terminal(run)
    assert on_a_terminal(run, "--verbosity", "0") == b""


def on_a_terminal(run, *words) -> bytes:
    """Return what a terminal shows of standard error."""
    primary, secondary = pty.openpty()
    termios.tcsetwinsize(secondary, (24, 80))
    try:
        assert run("--output", "out.csv.gz", *words, stdout=subprocess.DEVNULL, stderr=secondary).returncode == 0
        os.set_blocking(primary, False)
        try:
            return os.read(primary, 65536)
        except BlockingIOError:
            return b""
    finally:
        os.close(primary)
        os.close(secondary)


def test_a_reader_that_leaves_is_said_without_a_traceback(command):
    make_many_books(ROWS)
    arguments, keywords = command("--output", "-", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with subprocess.Popen(*arguments, **keywords) as process:
        process.stdout.close()
        _, error = process.communicate(timeout=DEADLINE)
    assert process.returncode == 1
    assert error == b"CommandError: Standard output cannot be written: Broken pipe.\n"


def test_a_full_device_is_said_without_a_traceback(run):
    with Path("/dev/full").open("wb") as full:
        done = run("--output", "-", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr == b"CommandError: Standard output cannot be written: No space left on device.\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--min-rating", "9"], 2, b"argument --min-rating: Ensure this value is less than or equal to 5."),
        (["--available", "perhaps"], 2, b"argument --available: invalid choice: 'perhaps'"),
        (["--email", "nobody"], 2, b"argument --email: 'nobody' is no e-mail address"),
        (["--email", "a@b.org", "--output", "x.gz"], 2, b"not allowed with argument"),
        (["--format", "csv", "--output", "x.xlsx"], 2, b"CommandError: format: csv contradicts the name x.xlsx"),
        (["--columns", "title,author"], 2, b"There is no column"),
        (["--output", "missing/x.gz"], 1, b"x.gz cannot be written: No such file or directory."),
        (["--output", "."], 2, b"is a directory"),
        ([b"--q=\xff"], 2, b"Must be text in Unicode."),
    ],
)
def test_a_user_s_mistake_is_said_in_a_sentence(run, tmp_path, words, code, message):
    done = run(*words)
    assert done.returncode == code
    assert message in done.stderr
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""
    assert set(names_in(tmp_path)) <= {"runtime"}  # where the record of the run has its log


@pytest.mark.parametrize(
    ("words", "begins"),
    [
        (["--compress", "none"], b"id,source_id"),
        (["--format", "jsonl", "--compress", "none"], b'{"pk"'),
        (["--format", "xlsx"], b"PK"),
    ],
)
def test_standard_output_gets_the_format_that_is_asked_for(run, words, begins):
    make_many_books(3)
    done = run("--output", "-", *words)
    assert done.returncode == 0
    assert done.stdout.startswith(begins)
    assert done.stderr.startswith(b"3 rows, ")


def test_a_terminal_gets_a_text_that_is_not_compressed(run):
    primary, secondary = pty.openpty()
    try:
        done = run("--output", "-", "--compress", "none", stdout=secondary, stderr=subprocess.PIPE)
        assert os.read(primary, 100).startswith(b"id,source_id")
    finally:
        os.close(primary)
        os.close(secondary)
    assert done.returncode == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_what_a_terminal_can_write_does_not_decide_how_it_ends(run, encoding):
    done = run(env={"PYTHONIOENCODING": encoding})
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"0 rows, ")


def test_a_disk_with_a_limit_is_said_and_keeps_no_part(run, tmp_path):
    make_many_books(ROWS)

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    (tmp_path / "out").mkdir()
    done = run("--output", "out/books.csv.gz", preexec_fn=limit)
    assert done.returncode == 1
    assert done.stderr.endswith(b"books.csv.gz cannot be written: File too large.\n")
    assert names_in(tmp_path / "out") == []


def files_in(directory: Path) -> list[str]:
    """Return the names of files that are exports, complete or not; the stamp says whose the directory is."""
    return [name for name in names_in(directory) if not name.startswith(STAMP)]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130)])
def test_an_interrupted_run_leaves_nothing(command, tmp_path, number, code):
    make_many_books(10 * ROWS)
    arguments, keywords = command(stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with subprocess.Popen(*arguments, **keywords) as process:
        eventually(lambda: files_in(tmp_path / "exports"), why="the temporary file is there")
        process.send_signal(number)
        _, error = process.communicate(timeout=DEADLINE)
    assert process.returncode == code, error.decode()
    assert error == b"CommandError: Interrupted.\n"
    assert files_in(tmp_path / "exports") == []
    assert not ExportFile.objects.exists()


def test_the_file_by_hand_is_stored_beside_the_others(run, tmp_path):
    make_many_books(3)
    assert run().returncode == 0
    record = ExportFile.objects.get()
    assert len(read_file(tmp_path / "exports" / record.storage_name)) == 3


def peak_memory(command, *words) -> int:
    """Return how much memory the command has at most, in kilobytes."""
    arguments, keywords = command("--output", "out.csv.gz", *words, stdout=subprocess.PIPE)
    with subprocess.Popen(*arguments, **keywords) as process:
        summary = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert summary.startswith(b"20,000 rows" if words else b"100,000 rows")
    return usage.ru_maxrss


def test_five_times_the_rows_take_the_same_memory(command):
    make_many_books(5 * ROWS)
    assert peak_memory(command) < MAY_GROW * peak_memory(command, *ONE_IN_FIVE)
