"""The words, environment and interpreter that a task's process is started with."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from brokerless.exceptions import SpawnError
from brokerless.launchers import command_line as module
from brokerless.launchers.command_line import command_line, environment, interpreter, manage_py_problem
from brokerless.models import TaskState

OURS = "from brokerless.management import execute_from_command_line\nexecute_from_command_line()\n"
STOCK = OURS.replace("brokerless.management", "django.core.management")


@pytest.fixture
def given(settings):
    def give(**entries):
        settings.BROKERLESS = entries

    return give


@pytest.fixture
def manage_py(tmp_path):
    def write(text):
        path = tmp_path / "manage.py"
        path.write_text(text)
        return path

    return write


def test_with_a_manage_py_of_ours_that_runs_the_command(given, manage_py):
    path = manage_py(OURS)
    given(MANAGE_PY=path)
    assert command_line("export_books") == [sys.executable, str(path), "export_books"]


def test_a_relative_manage_py_is_made_absolute(given, manage_py, monkeypatch):
    path = manage_py(OURS)
    monkeypatch.chdir(path.parent)
    given(MANAGE_PY="manage.py")
    assert command_line("export_books")[1] == str(path)


def test_without_a_manage_py_the_module_runs_the_command(given):
    given()
    assert command_line("export_books") == [sys.executable, "-m", "brokerless", "export_books"]


def test_a_prefix_comes_first(given):
    given(PREFIX=["nice", "-n", "5"])
    assert command_line("export_books")[:4] == ["nice", "-n", "5", sys.executable]


IMPORT = "from brokerless.management import execute_from_command_line"


@pytest.mark.parametrize(
    "text",
    [
        STOCK,
        OURS + STOCK,
        STOCK + OURS,
        "print('hello')\n",
        "from brokerless import launch\n",
        f"{IMPORT}\n",
        f"{IMPORT}\nimport django.core.management\ndjango.core.management.execute_from_command_line()\n",
        f"{IMPORT}\nimport django.core.management as run\nrun.execute_from_command_line()\n",
        f"{IMPORT}\nfrom django.core import management\nmanagement.execute_from_command_line()\n",
        f"{OURS}from django.core.management import execute_from_command_line as run\nrun()\n",
        f"{OURS}from django.core.management import ManagementUtility\nManagementUtility().execute()\n",
        f"try:\n    {IMPORT}\nexcept ImportError:\n    {STOCK}",
    ],
)
def test_a_manage_py_that_would_run_the_command_by_hand_is_refused(given, manage_py, text):
    given(MANAGE_PY=manage_py(text))
    with pytest.raises(SpawnError, match=r"does not call brokerless\.management\.execute_from_command_line"):
        command_line("export_books")


@pytest.mark.parametrize(
    "text",
    [
        OURS,
        "import brokerless.management\nbrokerless.management.execute_from_command_line()\n",
        "import brokerless.management as run\nrun.execute_from_command_line()\n",
        "from brokerless import management\nmanagement.execute_from_command_line()\n",
        f"{IMPORT} as run\nimport sys\nsys.exit(run(sys.argv))\n",
        f"from django.core.management import call_command\n{OURS}",
    ],
)
def test_a_manage_py_that_calls_us_by_whatever_name_is_fine(manage_py, text):
    assert manage_py_problem(manage_py(text)) == ""


@pytest.mark.parametrize("text", ["def (", "\0"])
def test_a_manage_py_that_is_no_python_is_refused(given, manage_py, text):
    given(MANAGE_PY=manage_py(text))
    with pytest.raises(SpawnError, match="MANAGE_PY cannot be read"):
        command_line("export_books")


def test_a_manage_py_that_is_not_there_is_refused(given, tmp_path):
    given(MANAGE_PY=tmp_path / "manage.py")
    with pytest.raises(SpawnError, match=r"MANAGE_PY cannot be read: .*No such file"):
        command_line("export_books")


def test_a_manage_py_that_was_changed_is_read_anew(manage_py):
    path = manage_py(OURS)
    assert manage_py_problem(path) == ""
    path.write_text(STOCK + "# a longer file, and a later one\n")
    assert manage_py_problem(path) != ""


def test_the_example_site_s_own_manage_py_is_fine():
    assert manage_py_problem(Path(__file__).parents[2] / "manage.py") == ""


@pytest.mark.parametrize(
    "name", ["python", "python3", "python3.13", "python3.13t", "python3.12d", "python3-dbg", "pypy3.11"]
)
def test_a_python_is_the_interpreter(given, monkeypatch, name):
    given()
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    monkeypatch.setattr(sys, "executable", f"/usr/bin/{name}")
    assert interpreter() == f"/usr/bin/{name}"


def test_the_python_that_an_environment_was_made_with_is_not_its_interpreter(given, monkeypatch, tmp_path):
    given()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    assert interpreter() == str(tmp_path / "bin" / "python")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python3"))
    assert interpreter() == str(tmp_path / "bin" / "python3")


@pytest.mark.parametrize("executable", ["/usr/bin/uwsgi", "/usr/sbin/apache2", "/usr/bin/pythonista", "", None])
def test_where_a_server_is_the_executable_the_environment_s_python_is_the_interpreter(
    given, monkeypatch, tmp_path, executable
):
    given()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").touch()
    monkeypatch.setattr(sys, "executable", executable)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert interpreter() == str(tmp_path / "bin" / "python3")
    (tmp_path / "bin" / "python").touch()
    assert interpreter() == str(tmp_path / "bin" / "python")


def test_a_python_of_the_settings_wins(given):
    given(PYTHON=Path("/opt/python"))
    assert interpreter() == "/opt/python"


def test_the_environment_names_the_task_and_keeps_the_rest(monkeypatch):
    monkeypatch.setenv("KEPT", "yes")
    task = TaskState(command="probe", lease=3)
    found = environment(task)
    assert (found[module.TASK_VARIABLE], found["KEPT"]) == (f"{task.pk}:3", "yes")


def test_without_a_settings_module_nothing_can_be_started(monkeypatch):
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")
    with pytest.raises(SpawnError, match="DJANGO_SETTINGS_MODULE is not set"):
        environment(TaskState(command="probe"))
