"""What is read of a command line before Django has it."""

from __future__ import annotations

import pytest

from brokerless.current import INSIDE_VARIABLE
from brokerless.recording import typed

MANAGE = "/srv/site/manage.py"


@pytest.fixture(autouse=True)
def patterns(settings):
    settings.BROKERLESS = settings.BROKERLESS | {"RECORD": ["export_*", "nightly"]}


def read(*words):
    return typed.read([MANAGE, *words])


def test_a_command_that_is_named_is_recorded_and_its_words_are_its_own():
    line = read("export_books", "--language", "eng", "-v0")
    assert (line.name, line.is_recorded, line.if_running) == ("export_books", True, "skip")
    assert line.argv == [MANAGE, "export_books", "--language", "eng", "-v0"]
    assert line.words == ["--language", "eng", "-v0"]


def test_what_is_ours_is_taken_out():
    line = read("export_books", "--if-running=wait", "--language", "eng")
    assert (line.if_running, line.words) == ("wait", ["--language", "eng"])
    line = read("nightly", "--language", "eng", "--no-record")
    assert (line.is_recorded, line.words) == (False, ["--language", "eng"])


def test_what_is_ours_is_no_abbreviation_of_it():
    assert read("export_books", "--if", "wait", "--no").words == ["--if", "wait", "--no"]


@pytest.mark.parametrize(
    "words", [[], ["--version"], ["migrate"], ["EXPORT_books"], ["my_export_books", "--no-record"], ["nightly_2"]]
)
def test_everything_else_is_left_as_it_is(words):
    line = read(*words)
    assert (line.is_recorded, line.argv) == (False, [MANAGE, *words])


@pytest.mark.parametrize("word", ["-h", "--help", "--version"])
def test_whoever_asks_for_help_gets_it(word):
    line = read("export_books", word)
    assert (line.is_recorded, line.asks_for_help) == (False, True)


def test_a_wrong_word_for_a_run_that_is_there_is_refused_with_the_usage(capsys):
    with pytest.raises(SystemExit) as left:
        read("export_books", "--if-running", "perhaps")
    assert left.value.code == 2
    assert (
        "manage.py export_books: error: argument --if-running: invalid choice: 'perhaps'"
        in capsys.readouterr().err
    )


def test_within_a_task_nothing_is_recorded_again(monkeypatch):
    monkeypatch.setenv(INSIDE_VARIABLE, "id:1")
    assert not read("export_books").is_recorded


def test_settings_that_cannot_be_read_are_left_to_django(settings):
    settings.BROKERLESS = None
    assert not read("export_books").is_recorded
