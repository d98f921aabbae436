"""The form of a command: every kind of option as a field, and what is filled in as its own parser reads it."""

from __future__ import annotations

import argparse
import datetime as dt
from decimal import Decimal
from enum import Enum

import pytest
from django import forms
from django.core.management import BaseCommand
from django.utils.html import escape

from brokerless import json_value
from brokerless.arguments import parse
from brokerless.command_forms.form import CommandForm
from brokerless.command_forms.lines import MOST_LINES, LinesField
from brokerless.command_forms.offered import is_offered, offer


class Colour(Enum):
    RED = "red"


class Twice(argparse.Action):
    """Does with its words what nobody can know."""

    def __call__(self, parser, namespace, values, option_string=None):
        setattr(namespace, self.dest, values * 2)


@pytest.fixture
def command(monkeypatch):
    """Return the function that makes the command `made` of these arguments of `add_argument()`."""

    def make(*arguments: tuple, group: dict | None = None, **attributes) -> str:
        class Command(BaseCommand):
            def add_arguments(self, parser):
                holder = parser if group is None else parser.add_mutually_exclusive_group(**group)
                for names, keywords in arguments:
                    holder.add_argument(*names.split(), **keywords)

        for name, value in attributes.items():
            setattr(Command, name, value)
        monkeypatch.setattr("brokerless.arguments.get_commands", lambda: {"made": Command()})
        return "made"

    return make


def filled(**values) -> CommandForm:
    return CommandForm("made", {f"command-{name}": value for name, value in values.items()})


MAPPED = [
    ("name", {}, "CharField", "a b", ["a b"], {}, ["a b"]),
    ("name", {}, "CharField", "-x", ["-x"], {}, ["--", "-x"]),
    ("name", {}, "CharField", "--", ["--"], {}, ["--", "--"]),
    ("count", {"type": int}, "CharField", "5", [5], {}, ["5"]),
    ("count", {"type": int}, "CharField", "-5", [-5], {}, ["--", "-5"]),
    ("name", {"nargs": "?"}, "CharField", "x", ["x"], {}, ["x"]),
    ("names", {"nargs": "*"}, "LinesField", "a\r\n b \r\n\r\n", ["a", "b"], {}, ["a", "b"]),
    ("names", {"nargs": "+"}, "LinesField", "--a\nb", ["--a", "b"], {}, ["--", "--a", "b"]),
    ("pair", {"nargs": 2}, "LinesField", "a\nb", ["a", "b"], {}, ["a", "b"]),
    ("--size -s", {"type": int}, "CharField", "7", [], {"size": 7}, ["--size=7"]),
    ("--share", {"type": float}, "CharField", "0.5", [], {"share": 0.5}, ["--share=0.5"]),
    ("--price", {"type": Decimal}, "CharField", "1.10", [], {"price": "1.10"}, ["--price=1.10"]),
    (
        "--day",
        {"type": dt.date.fromisoformat},
        "CharField",
        "2026-01-02",
        [],
        {"day": "2026-01-02"},
        ["--day=2026-01-02"],
    ),
    ("--title", {}, "CharField", "--settings=x", [], {"title": "--settings=x"}, ["--title=--settings=x"]),
    ("--title", {"nargs": "?", "const": "c"}, "CharField", "t", [], {"title": "t"}, ["--title=t"]),
    ("--colour", {"choices": ["red", "blue"]}, "ChoiceField", "red", [], {"colour": "red"}, ["--colour=red"]),
    ("--level", {"choices": range(3), "type": int}, "ChoiceField", "2", [], {"level": 2}, ["--level=2"]),
    ("--hue", {"choices": list(Colour), "type": Colour}, "CharField", "red", [], {"hue": "red"}, ["--hue=red"]),
    ("--big", {"choices": range(1000), "type": int}, "CharField", "9", [], {"big": 9}, ["--big=9"]),
    ("--loud", {"action": "store_true"}, "BooleanField", "on", [], {"loud": True}, ["--loud"]),
    (
        "--no-wait",
        {"action": "store_false", "dest": "wait"},
        "BooleanField",
        "on",
        [],
        {"wait": False},
        ["--no-wait"],
    ),
    (
        "--fast",
        {"action": argparse.BooleanOptionalAction},
        "ChoiceField",
        "false",
        [],
        {"fast": False},
        ["--no-fast"],
    ),
    ("--deep -d", {"action": "count", "default": 0}, "IntegerField", "2", [], {"deep": 2}, ["--deep", "--deep"]),
    ("--tag", {"action": "append"}, "LinesField", "a\n-b", [], {"tag": ["a", "-b"]}, ["--tag=a", "--tag=-b"]),
    (
        "--tag",
        {"action": "append", "choices": ["a", "b"]},
        "MultipleChoiceField",
        ["a", "b"],
        [],
        {"tag": ["a", "b"]},
        ["--tag=a", "--tag=b"],
    ),
    (
        "--many",
        {"action": "extend", "nargs": "+"},
        "LinesField",
        "a\nb",
        [],
        {"many": ["a", "b"]},
        ["--many", "a", "b"],
    ),
    (
        "--data",
        {"type": json_value},
        "JsonField",
        '{"a":[1]}',
        [],
        {"data": {"a": [1]}},
        ['--data={"a": [1]}'],
    ),
]


@pytest.mark.parametrize(("names", "keywords", "field", "value", "arguments", "options", "line"), MAPPED)
def test_what_is_filled_in_is_what_the_parser_reads(
    command, names, keywords, field, value, arguments, options, line
):
    name = keywords.get("dest") or names.split()[0].lstrip("-").replace("-", "_")
    form = CommandForm(command((names, keywords)), {f"command-{name}": value})
    assert type(form.fields[name]).__name__ == field
    assert form.is_valid(), form.errors
    assert (form.read.arguments, form.read.options, form.line) == (arguments, options, line)
    parse("made", form.read.arguments, form.read.options)


@pytest.mark.parametrize(
    ("names", "keywords"), sorted({(m[0], str(m[1])): m[:2] for m in MAPPED}.values(), key=str)
)
def test_what_is_left_empty_is_not_given(command, names, keywords):
    form = CommandForm(command((names, keywords)), {})
    is_needed = not names.startswith("-") and keywords.get("nargs") not in ("?", "*")
    assert form.is_valid() != is_needed
    if not is_needed:
        assert (form.read.arguments, form.read.options, form.line) == ([], {}, [])


@pytest.mark.parametrize(
    ("names", "keywords", "value", "message"),
    [
        ("count", {"type": int}, "five", "invalid int value: 'five'"),
        ("--price", {"type": Decimal}, "dear", "InvalidOperation"),
        ("--day", {"type": dt.date.fromisoformat}, "2026-13-01", "invalid"),
        ("--hue", {"choices": list(Colour), "type": Colour}, "green", "invalid Colour value"),
        ("--colour", {"choices": ["red"]}, "green", "Select a valid choice"),
        ("names", {"nargs": "+", "type": int}, "1\nx", "invalid int value: 'x'"),
        ("pair", {"nargs": 2}, "one", "Exactly 2 values are expected"),
        ("--deep", {"action": "count"}, "10", "less than or equal to 9"),
        ("--data", {"type": json_value}, "{", "valid JSON"),
        ("name", {}, "a\0b", "Null characters"),
        ("name", {}, "x" * 10_001, "at most 10000 characters"),
        ("names", {"nargs": "+"}, "x\n" * (MOST_LINES + 1), "At most 1000 values"),
    ],
)
def test_a_mistake_is_told_beside_its_field(command, names, keywords, value, message):
    name = names.lstrip("-")
    form = CommandForm(command((names, keywords)), {f"command-{name}": value})
    assert not form.is_valid()
    assert list(form.errors) == [name]
    assert message in form.errors[name][0]


def test_all_mistakes_are_told_at_once(command):
    form = CommandForm(command(("count", {"type": int}), ("--seed", {"type": int})), {})
    command(("count", {"type": int}), ("--seed", {"type": int}))
    form = filled(count="x", seed="y")
    assert sorted(form.errors) == ["count", "seed"]


def test_two_switches_of_one_option_are_a_choice(command):
    command(
        ("--news", {"action": "store_true", "default": None}),
        ("--no-news", {"action": "store_false", "dest": "news"}),
    )
    assert [label for _, label in filled().fields["news"].choices] == ["as by default", "--news", "--no-news"]
    form = filled(news="false")
    assert form.is_valid()
    assert form.line == ["--no-news"]


def test_of_options_that_exclude_each_other_the_parser_says_so(command):
    command(("--csv", {"action": "store_true"}), ("--path", {}), group={"required": True})
    assert filled().errors["__all__"] == ["one of the arguments --csv --path is required"]
    form = filled(csv="on", path="x")
    assert "not allowed with argument --csv" in str(form.errors)
    assert "Not together with --path." in form.fields["csv"].help_text
    assert filled(path="x").is_valid()


def test_a_field_says_its_flag_its_help_and_its_default_and_none_of_it_is_markup(command):
    command(
        ("--size", {"type": int, "default": 1, "help": "How <b>large</b>"}),
        ("--top", {"default": 5, "help": "By default %(default)s."}),
        ("--odd", {"help": "100 % of it"}),
    )
    fields = filled().fields
    assert fields["size"].label == "Size"
    assert fields["size"].help_text == f"<code>--size</code> {escape('How <b>large</b>')}. By default: 1."
    assert fields["top"].help_text.endswith("</code> By default 5.")
    assert "100 % of it" in fields["odd"].help_text


def test_djangos_own_options_have_no_field_but_verbosity_which_is_last(command):
    command(("name", {}), ("--hidden", {"help": argparse.SUPPRESS}), ("--kept", {}), hidden_in_forms=("kept",))
    assert list(filled().fields) == ["name", "verbosity"]


@pytest.mark.parametrize("forged", ["settings", "pythonpath", "hidden", "kept", "traceback"])
def test_what_has_no_field_cannot_be_forged(command, forged):
    command(("name", {}), ("--hidden", {"help": argparse.SUPPRESS}), ("--kept", {}), hidden_in_forms=("kept",))
    form = filled(name="x", **{forged: "y"})
    assert form.is_valid()
    assert form.line == ["x"]


@pytest.mark.parametrize(
    ("names", "keywords"),
    [
        ("--twice", {"action": Twice}),
        ("rest", {"nargs": argparse.REMAINDER}),
        ("--pairs", {"action": "append", "nargs": 2}),
        ("--mode", {"action": "store_const", "const": "x"}),
        ("--modes", {"action": "append_const", "const": "x"}),
    ],
)
def test_what_has_no_field_of_its_own_leaves_one_for_all_words(command, names, keywords):
    form = CommandForm(command((names, keywords), ("--size", {"type": int})))
    assert list(form.fields) == ["words"]
    assert form.reason
    form = filled(words="--size 5")
    assert form.is_valid(), form.errors
    assert (form.read.options, form.line) == ({"size": 5}, ["--size=5"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--size x", "invalid int value"),
        ("--settings=evil", "unrecognized arguments: --settings=evil"),
        ("--set evil", "unrecognized arguments: --set evil"),
        ("--pythonpath /tmp --size 5", "unrecognized arguments"),
        ("--kept x", "unrecognized arguments"),
        ("'", "No closing quotation"),
        ("; rm -rf /", "unrecognized arguments: ; rm -rf /"),
        ("a\0b", "Null characters"),
        ("--help", "unrecognized arguments"),
    ],
)
def test_words_are_read_by_the_parser_and_by_no_shell(command, words, message):
    command(("--twice", {"action": Twice}), ("--size", {"type": int}), ("--kept", {}), hidden_in_forms=("kept",))
    form = filled(words=words)
    assert message in str(form.errors.as_data())


def test_a_command_with_subcommands_or_files_is_not_offered(command, settings, monkeypatch):
    settings.BROKERLESS = settings.BROKERLESS | {"ADMIN_COMMANDS": ["tasks", "made", "nope", "generate_books"]}
    assert offer("tasks").refusal == "it has subcommands"
    assert [is_offered(name) for name in ("tasks", "nope", "generate_books")] == [False, False, True]
    assert not is_offered("migrate")
    command(("--out", {"type": argparse.FileType("w")}))
    assert "opens a file" in offer("made").refusal


def test_a_command_whose_words_may_name_a_file_to_read_is_not_offered(command, monkeypatch, tmp_path):
    real = BaseCommand.create_parser
    reading = {"fromfile_prefix_chars": "@"}
    monkeypatch.setattr(BaseCommand, "create_parser", lambda self, *names: real(self, *names, **reading))
    command(("name", {}))
    assert "can name a file" in offer("made").refusal


@pytest.mark.parametrize("words", ["", "library", "--list", "--plan", "--plan library"])
def test_a_default_that_was_not_given_keeps_nothing_from_being_launched(words):
    form = CommandForm("showmigrations", {"command-words": words})
    assert form.is_valid(), form.errors
    assert " ".join(word for word in form.line if word != "--") == words
    parse("showmigrations", form.read.arguments, form.read.options)


def test_a_command_that_cannot_be_loaded_is_not_offered(monkeypatch):
    def load(name):
        raise RuntimeError("broken")

    monkeypatch.setattr("brokerless.command_forms.parser.load_command", load)
    assert offer("generate_books").refusal == "RuntimeError: broken"


def test_blank_lines_are_no_values():
    assert LinesField().clean("\n a \n\n b\n") == ["a", "b"]
    with pytest.raises(forms.ValidationError):
        LinesField().clean(" \n ")
