"""What `make conformance` stands on: the search for a Python, the choice of tests, the judgement of a run."""

from __future__ import annotations

import io
import sys
import tarfile
from dataclasses import replace

import pytest

from tests.conformance import __main__ as conformance
from tests.conformance import interpreters
from tests.conformance.environment import unpack_tests
from tests.conformance.interpreters import Interpreter, Unusable, ask, candidates, search
from tests.conformance.report import Report, show
from tests.conformance.selection import select

MODULE = "tasks.test_one"
TESTS = [
    f"{MODULE}.First.test_a",
    f"{MODULE}.First.test_ab",
    f"{MODULE}.Second.test_a",
    "tasks.test_other.Third.test",
]


@pytest.fixture
def program(tmp_path):
    """Make a program that answers whatever it is asked."""

    def make(name, *, answer="", code=0, complaint=""):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\necho '{answer}'\necho '{complaint}' >&2\nexit {code}\n")
        path.chmod(0o755)
        return str(path)

    return make


def test_a_real_interpreter_answers(monkeypatch):
    monkeypatch.setattr(interpreters, "OLDEST", (3, 0))
    assert ask(sys.executable) == Interpreter(sys.version_info[:3], sys.executable)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"answer": "[[3, 11, 9], true, true]"}, "3.11.9 is older than 3.12"),
        ({"answer": "[[3, 99, 0], false, true]"}, "not released"),
        ({"answer": "[[3, 12, 0], true, false]"}, "no venv module"),
        ({"answer": "Hello"}, "is no Python"),
        ({"answer": "3"}, "is no Python"),
        ({"code": 127, "complaint": "no such version"}, "exit code 127: no such version"),
    ],
)
def test_what_is_of_no_use_is_refused_with_the_reason(program, answer, reason):
    with pytest.raises(Unusable, match=reason):
        ask(program("python3.12", **answer))


def test_a_search_goes_on_after_what_is_of_no_use_and_finds_each_version_once(program):
    newer = program("a/python3", answer="[[3, 13, 1], true, true]")
    twin = program("b/python3", answer="[[3, 13, 1], true, true]")
    older = program("c/python3", answer="[[3, 12, 4], true, true]")
    broken = program("d/python3.14", code=1)
    absent = "/nonexistent/python3"

    searched = search([broken, absent, newer, twin, older])

    assert searched.found == [Interpreter((3, 12, 4), older), Interpreter((3, 13, 1), newer)]
    assert list(searched.refused) == [broken, absent]


def test_candidates_are_on_the_path_and_beside_the_running_one(program, tmp_path):
    on_path = [program(f"path/{name}") for name in ("python3", "python3.12", "python3.13")]
    for other in ("python3.11", "python3-config", "python3.12-config", "python2"):
        program(f"path/{other}")
    running, neighbour = program("versions/3.11/bin/python3"), program("versions/3.12/bin/python3")

    found = candidates({"PATH": str(tmp_path / "path")}, base_prefix=str(tmp_path / "versions" / "3.11"))

    assert list(dict.fromkeys(found)) == [*on_path, running, neighbour]


def test_whoever_names_interpreters_gets_no_others():
    environment = {"PATH": "/usr/bin", "PYTHONS": "/a/python3:/b/python3"}
    assert list(candidates(environment)) == ["/a/python3", "/b/python3"]


def test_no_interpreter_is_no_success_and_says_what_to_do(monkeypatch, capfd):
    monkeypatch.setenv("PYTHONS", "/nonexistent/python3")
    assert conformance.main() == conformance.EXIT_NO_PYTHON != 0
    said = capfd.readouterr().err
    assert "make conformance PYTHONS=" in said
    assert "/nonexistent/python3: [Errno 2]" in said


@pytest.mark.parametrize(
    ("name", "excluded"),
    [(TESTS[0], TESTS[:1]), (f"{MODULE}.First", TESTS[:2]), (MODULE, TESTS[:3])],
    ids=["a test", "a class", "a module"],
)
def test_an_exclusion_names_a_test_or_all_in_a_class_or_module(name, excluded):
    selection = select(TESTS, excluded={name: "why"}, unsafe={})
    assert selection.excluded == dict.fromkeys(excluded, "why")
    assert selection.to_run == [test for test in TESTS if test not in excluded]
    assert not selection.stale


def test_a_name_of_no_test_is_stale():
    gone = "tasks.test_other.Third.test_gone"
    assert select(TESTS, excluded={gone: "why"}, unsafe={}).stale == [gone]
    assert select(TESTS, excluded={}, unsafe={gone: "why"}).stale == [gone]
    # What is not run needs no permission.
    assert select(TESTS, excluded={TESTS[0]: "why"}, unsafe={TESTS[0]: "why"}).stale == [TESTS[0]]


def test_unsafe_tests_are_run():
    selection = select(TESTS, excluded={}, unsafe={TESTS[3]: "why"})
    assert selection.unsafe == {TESTS[3]: "why"}
    assert selection.to_run == TESTS


@pytest.fixture
def report():
    return Report(
        django="6.0.1",
        to_run=3,
        ran=3,
        passed=3,
        processes=2,
        seconds=1.5,
        excluded={TESTS[0]: "one reason", TESTS[2]: "another", TESTS[1]: "one reason"},
        unsafe={TESTS[3]: "a third"},
        stale=[],
        left=[],
    )


def test_a_report_names_every_test_with_its_reason(report, tmp_path):
    report.write(tmp_path / "report")
    out = io.StringIO()
    assert show(Report.read(tmp_path / "report"), out)
    lines = out.getvalue().splitlines()
    assert lines[0] == "Django 6.0.1: 3 of 3 tests passed in 2 s, with 2 processes of tasks"
    assert lines[1:6] == [
        "  Excluded: one reason",
        f"    {TESTS[0]}",
        f"    {TESTS[1]}",
        "  Excluded: another",
        f"    {TESTS[2]}",
    ]
    assert lines[6:] == ["  Run with DJANGO_ALLOW_ASYNC_UNSAFE: a third", f"    {TESTS[3]}"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"to_run": 0, "ran": 0, "passed": 0}, "There was no test to run"),
        ({"ran": 2, "passed": 2}, "3 tests were to be run, and 2 were"),
        ({"passed": 1}, "2 tests of 3 failed or were skipped"),
        ({"processes": 0}, "No task was run by a process"),
        ({"stale": ["tasks.gone"]}, "tasks.gone is excluded or unsafe, but names no test"),
        ({"left": ["Process 7 did not end."]}, "Process 7 did not end."),
    ],
)
def test_what_is_not_as_it_must_be_is_said_and_is_no_success(report, changes, problem):
    out = io.StringIO()
    assert not show(replace(report, **changes), out)
    assert f"WRONG: {problem}" in out.getvalue()


def test_of_a_distribution_only_the_tests_of_tasks_are_unpacked(tmp_path):
    names = [
        "tests/tasks/__init__.py",
        "tests/tasks/test_a.py",
        "tests/tasks_too/test_b.py",
        "django/tasks/base.py",
    ]
    with tarfile.open(tmp_path / "sdist.tar.gz", "w:gz") as archive:
        for name in names:
            entry = tarfile.TarInfo(f"django-6.0/{name}")
            entry.size = len(name)
            archive.addfile(entry, io.BytesIO(name.encode()))

    unpack_tests(tmp_path / "sdist.tar.gz", tmp_path / "unpacked")

    files = [path for path in (tmp_path / "unpacked").rglob("*") if path.is_file()]
    assert {path.relative_to(tmp_path / "unpacked").as_posix() for path in files} == {
        "tasks/__init__.py",
        "tasks/test_a.py",
    }
    assert (tmp_path / "unpacked" / "tasks" / "test_a.py").read_text() == "tests/tasks/test_a.py"
