"""From JSON to the words of a command line, as the command's own parser reads them."""

from __future__ import annotations

import pytest
from django.core.management import CommandError

from brokerless.arguments import as_json, load_command, parse
from brokerless.exceptions import InvalidArguments, UnknownCommand


def parsed(*arguments, **options):
    """Return what the probe's `handle()` would get."""
    return parse("options_probe", arguments, options)[2]


def test_a_command_is_found_by_its_name():
    assert load_command("options_probe").help.startswith("Have every kind")


@pytest.mark.parametrize("hostile", ["--loud", "--output=/etc/passwd", "-v", "--", "-"])
def test_a_value_among_several_is_never_read_as_an_option(hostile):
    with pytest.raises(InvalidArguments, match="none may begin with a dash"):
        parsed("x", pair=["1", hostile])


def test_a_negative_number_among_several_is_a_value():
    assert parsed("x", pair=[-1, "-2.5"])["pair"] == ["-1", "-2.5"]


def test_an_option_of_json_is_typed_as_json_by_hand():
    parser = load_command("options_probe").create_parser("manage.py", "options_probe")
    assert parser.parse_args(["x", "--filters", '{"a": [1]}']).filters == {"a": [1]}
    with pytest.raises(CommandError, match=r"--filters: .\{a. is no JSON: Expecting property name"):
        parser.parse_args(["x", "--filters={a"])


def test_an_unknown_command_is_an_error_that_names_it():
    with pytest.raises(UnknownCommand, match="no management command 'no_such'"):
        load_command("no_such")


def test_unset_options_have_the_parsers_defaults():
    found = parsed("x")
    assert (found["first"], found["rest"], found["count"], found["tag"], found["wait"]) == ("x", [], 1, [], True)


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        ({"count": 5}, "count", 5),
        ({"count": -5}, "count", -5),
        ({"tag": ["a", "--b"]}, "tag", ["a", "--b"]),
        ({"tag": "alone"}, "tag", ["alone"]),
        ({"pair": [1, 2]}, "pair", ["1", "2"]),
        ({"loud": True}, "loud", True),
        ({"loud": False}, "loud", False),
        ({"wait": False}, "wait", False),
        ({"wait": True}, "wait", True),
        ({"news": True}, "news", True),
        ({"news": False}, "news", False),
        ({"news": None}, "news", None),
        ({"depth": 3}, "depth", 3),
        ({"colour": "red"}, "colour", "red"),
        ({"verbosity": 2}, "verbosity", 2),
        ({"no-color": True}, "no_color", True),
        ({"filters": {"a": [1, None, "-x", "Zoë"], "b": {}}}, "filters", {"a": [1, None, "-x", "Zoë"], "b": {}}),
        ({"filters": []}, "filters", []),
        ({"filters": "[1]"}, "filters", "[1]"),
        ({"filters": False}, "filters", False),
    ],
)
def test_an_option_reaches_the_command_as_if_it_were_typed(options, name, value):
    assert parsed("x", **options)[name] == value


def test_a_positional_may_be_given_by_its_name():
    found = parsed(first="x", rest=[1, 2])
    assert (found["first"], found["rest"]) == ("x", [1, 2])


def test_a_positional_by_name_takes_its_own_place_among_the_others():
    found = parsed(1, 2, first="x")
    assert (found["first"], found["rest"]) == ("x", [1, 2])
    found = parsed("x", rest=[1, 2])
    assert (found["first"], found["rest"]) == ("x", [1, 2])


def test_a_positional_may_begin_with_a_dash():
    found = parsed("--loud", -5)
    assert (found["first"], found["rest"], found["loud"]) == ("--loud", [-5], False)


def test_an_option_of_many_values_does_not_take_the_positionals():
    found = parsed("x", 1, many=["a", "b"])
    assert (found["many"], found["first"], found["rest"]) == (["a", "b"], "x", [1])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"typo": 1}, "There is no option 'typo'; the options are: "),
        ({"help": True}, "There is no option 'help'"),
        ({"version": True}, "There is no option 'version'"),
        ({"count": "many"}, "argument --count: invalid int value: 'many'"),
        ({"count": [1, 2]}, "The option 'count' takes one value, not [1, 2]."),
        ({"colour": "green"}, "invalid choice: 'green'"),
        ({"pair": ["one"]}, "argument --pair: expected 2 arguments"),
        ({"loud": "yes"}, "The option 'loud' is true or false, not 'yes'."),
    ],
)
def test_what_the_parser_refuses_is_said_in_its_words(options, words):
    with pytest.raises(InvalidArguments) as raised:
        parsed("x", **options)
    assert words in str(raised.value)


def test_a_missing_positional_is_refused():
    with pytest.raises(InvalidArguments, match="options_probe: the following arguments are required: first"):
        parsed()


@pytest.mark.parametrize("value", [1, 1.5, "ähm", "\\u0000", True, None, [1, {"a": []}]])
def test_json_comes_back_as_it_is(value):
    assert as_json(value, "options") == value


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, float("nan"), b"bytes", "a\0b", ["\\\0"], {"\0": 1}, "file-\udce9", {1: object()}]
)
def test_what_cannot_be_stored_as_json_is_refused(value):
    with pytest.raises(InvalidArguments, match=r"The options cannot be stored as JSON \("):
        as_json(value, "options")


def test_a_structure_without_end_is_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(InvalidArguments):
        as_json(endless, "options")


def test_what_is_wrong_with_a_large_value_is_said_before_the_value_and_that_is_shortened():
    with pytest.raises(InvalidArguments) as caught:
        as_json({"rows": list(range(3000)), "bad": float("nan")}, "return value")
    text = str(caught.value)
    assert text.index("Out of range float") < 100
    assert len(text) < 400
