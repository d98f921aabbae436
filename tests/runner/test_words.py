"""From typed words to a task's arguments and options, which mean the same to the command."""

from __future__ import annotations

import pytest
from django.core.management import BaseCommand
from hypothesis import given
from hypothesis import strategies as st

from brokerless.arguments import load_command, parse
from brokerless.exceptions import InvalidArguments, UnknownCommand
from brokerless.words import read_words


def read(*words, command="options_probe"):
    found = read_words(command, words)
    return found.arguments, found.options


@pytest.mark.parametrize(
    ("words", "arguments", "options"),
    [
        (["x"], ["x"], {}),
        (["x", "1", "-2"], ["x", 1, -2], {}),
        (["--", "-x"], ["-x"], {}),
        (["x", "--count", "5"], ["x"], {"count": 5}),
        (["x", "--count=05"], ["x"], {"count": "05"}),
        (["x", "--tag", "a", "--tag=--b"], ["x"], {"tag": ["a", "--b"]}),
        (["x", "--pair", "1", "2", "--loud"], ["x"], {"pair": ["1", "2"], "loud": True}),
        (["x", "--many", "1", "2"], ["x"], {"many": ["1", "2"]}),
        (["x", "--no-wait", "--no-news"], ["x"], {"wait": False, "news": False}),
        (["x", "--news"], ["x"], {"news": True}),
        (["x", "-ddd"], ["x"], {"depth": 3}),
        (["x", "-v", "0"], ["x"], {"verbosity": 0}),
        (["x", "--filters", '{"a": [1]}'], ["x"], {"filters": {"a": [1]}}),
    ],
)
def test_what_was_typed_is_kept_and_no_default(words, arguments, options):
    assert read(*words) == (arguments, options)


def test_how_a_process_runs_is_not_what_a_task_does():
    words = ["x", "--settings=tests.settings", "--traceback", "--no-color", "--pythonpath=/tmp", "--skip-checks"]
    assert read(*words) == (["x"], {})


def test_words_that_the_command_does_not_know_are_left_to_the_caller():
    found = read_words("generate_books", ["3000000", "--json"])
    assert (found.arguments, found.options, found.unknown) == ([3000000], {}, ["--json"])


@pytest.mark.parametrize(
    ("command", "words", "error", "reason"),
    [
        (
            "options_probe",
            ["x", "--count", "many"],
            InvalidArguments,
            "argument --count: invalid int value: 'many'",
        ),
        ("options_probe", [], InvalidArguments, "the following arguments are required: first"),
        ("options_probe", ["x", "--colour", "green"], InvalidArguments, "invalid choice: 'green'"),
        ("tasks", ["tick"], InvalidArguments, "has subcommands"),
        ("no_such", [], UnknownCommand, "no management command 'no_such'"),
    ],
)
def test_what_the_commands_parser_refuses_is_refused_with_its_reason(command, words, error, reason):
    with pytest.raises(error, match=reason):
        read_words(command, words)


values = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@given(
    first=values.filter(lambda text: not text.startswith("-")),
    rest=st.lists(st.integers()),
    tags=st.lists(values),
    count=st.none() | st.integers(),
    loud=st.booleans(),
)
def test_what_is_kept_means_the_same_to_the_command(first, rest, tags, count, loud):
    words = [f"--tag={tag}" for tag in tags]
    words += [] if count is None else [f"--count={count}"]
    words += ["--loud"] if loud else []
    words += ["--", first, *map(str, rest)]
    found = read_words("options_probe", words)
    meant = parse("options_probe", found.arguments, found.options)[2]
    assert (meant["first"], meant["rest"], meant["tag"]) == (first, rest, tags)
    assert (meant["count"], meant["loud"]) == (1 if count is None else count, loud)


def test_a_type_or_a_default_that_is_never_equal_to_itself_is_no_obstacle(monkeypatch):
    class Never:
        def __init__(self, text):
            self.text = text

        __eq__ = None

    def create_parser(command, *arguments, **keywords):
        parser = BaseCommand.create_parser(command, *arguments, **keywords)
        parser.add_argument("--odd", type=Never, default=object())
        return parser

    monkeypatch.setattr(type(load_command("options_probe")), "create_parser", create_parser, raising=False)
    assert read("x", "--odd", "y") == (["x"], {"odd": "y"})
