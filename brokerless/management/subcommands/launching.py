"""`manage.py tasks launch`."""

from __future__ import annotations

from argparse import PARSER, REMAINDER, SUPPRESS
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser

from brokerless.arguments import load_command
from brokerless.exceptions import InvalidArguments, TooManyTasks, UnknownCommand, UnknownQueue
from brokerless.exit_codes import EXIT_WRONG_ARGUMENTS
from brokerless.launching import launch
from brokerless.management.subcommands.base import Subcommand
from brokerless.management.subcommands.finding import find_user
from brokerless.management.subcommands.quantities import moment_ahead, seconds, size, whole_number_from_1
from brokerless.management.subcommands.task_json import add_json_option, as_text, task_json
from brokerless.management.subcommands.waiting import OUTCOME_HELP, await_end, tell_outcome
from brokerless.management.subcommands.wording import name_of
from brokerless.pausing import is_paused
from brokerless.words import read_words

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterable, Sequence

    from brokerless.models import TaskState
    from brokerless.words import ReadWords

PROGRAM = "manage.py tasks launch"
# What is passed on to `launch()` as it is.
PASSED_ON = ("queue", "priority", "run_after", "timeout", "memory_limit", "nice", "max_attempts", "unique_key")


class Launch(Subcommand):
    """Launch a command."""

    name = "launch"
    help = (
        "Record a run of a command, which starts in the background as soon as it may, and print the task's id. "
        "The command's own parser reads what stands behind its name, before anything is recorded; the options "
        f"below may stand in front of the name, or behind it if the command has none of the same name. With "
        f"--wait: {OUTCOME_HELP[0].lower()}{OUTCOME_HELP[1:]}."
    )

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        # Not two arguments, of which the first would swallow a `--` that is meant for the command.
        parser.add_argument(
            "words",
            nargs=PARSER,
            metavar="COMMAND",
            help="The command's name, which `manage.py help` lists, and what it is called with, as by hand.",
        )
        add_own_options(parser)

    def run(self, *, words: Sequence[str], **options: Any) -> None:
        command, *words = words
        read, own = self._read(command, words)
        options |= own
        owner = None if options["owner"] is None else find_user(options["owner"])
        try:
            task = launch(
                command,
                arguments=read.arguments,
                options=read.options,
                owner=owner,
                title=options["title"],
                **{name: options[name] for name in PASSED_ON},
            )
        except TooManyTasks as error:
            raise CommandError(str(error)) from error
        except (UnknownQueue, InvalidArguments) as error:
            raise CommandError(str(error), returncode=EXIT_WRONG_ARGUMENTS) from error
        self._tell(task, is_waited_for=options["wait"], as_json=options["as_json"])

    def _read(self, command: str, words: Sequence[str]) -> tuple[ReadWords, dict[str, Any]]:
        """Return what the command is called with, and the options of `launch` that stand behind its name.

        Raises CommandError with the code for wrong arguments, after the usage of the command.
        """
        try:
            parser = load_command(command).create_parser(PROGRAM, command)
            own, words = own_words(parser, words)
            read = read_words(command, words)
            own_values, unknown = read_own_options([*own, *read.unknown])
            if unknown:
                raise InvalidArguments(f"Neither {command} nor `tasks launch` knows {' '.join(unknown)}.")
        except UnknownCommand as error:
            raise CommandError(str(error), returncode=EXIT_WRONG_ARGUMENTS) from error
        except InvalidArguments as error:
            self.stderr.write(parser.format_usage(), style_func=str)
            raise CommandError(str(error), returncode=EXIT_WRONG_ARGUMENTS) from error
        return read, own_values

    def _tell(self, task: TaskState, *, is_waited_for: bool, as_json: bool) -> None:
        if task.is_joined:
            self.mention(f"Nothing was launched: {name_of(task)} of the same key is unfinished already.")
        if is_waited_for:
            self.mention(f"{name_of(task)} {task.pk}")
            tell_outcome(self, await_end(self, task), as_json=as_json)
            return
        task.refresh_from_db()  # by now it may have been started
        if as_json:
            self.stdout.write(as_text(task_json(task)))
            return
        self.say(str(task.pk))
        if is_paused():
            self.mention("It waits, as tasks are paused here: manage.py tasks resume")
        self.mention(f"To follow it: manage.py tasks log -f {task.pk}; to wait: manage.py tasks wait {task.pk}")


def add_own_options(parser: ArgumentParser) -> None:
    """Declare the options that say how a command is launched."""
    add = parser.add_argument
    add("--queue", metavar="QUEUE", help="One of the setting BROKERLESS['QUEUES'].")
    add("--priority", type=int, metavar="N", help="From -100 to 100; higher ones start first.")
    add(
        "--run-after",
        type=moment_ahead,
        metavar="WHEN",
        help="Not before then: 90s, 30m, 2h, 3d from now, or a date, also with a time: 2027-01-31T18:30.",
    )
    add("--timeout", type=seconds, metavar="SECONDS", help="How long each attempt may take; also 5m or 2h.")
    add("--memory-limit", type=size, metavar="SIZE", help="How much memory it may use: 512MB, 1.5GB, or bytes.")
    add("--nice", type=int, metavar="N", help="Its niceness, from 0 to 19.")
    add("--max-attempts", type=whole_number_from_1, metavar="N", help="How often it is run while it fails.")
    add(
        "--unique-key",
        metavar="KEY",
        help="If an unfinished task of the owner has the same key, launch nothing and tell of that one.",
    )
    add("--owner", metavar="USERNAME", help="Whose task it is; without one only staff see it.")
    add("--title", default="", metavar="TEXT", help="What its owner reads; by default the command in words.")
    add("--wait", action="store_true", help="Wait until it is finished, and exit as it does.")
    add_json_option(parser, "the task, with --wait as it is at the end,")


def own_words(parser: ArgumentParser, words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part the words behind a command's name in options of `launch` that the command does not have, and the rest.

    parser: the command's. It reads the rest alone, so that the value of an option that it does not know cannot
    pass for an argument.
    """
    if any(action.nargs in {REMAINDER, PARSER} for action in parser._actions):  # noqa: SLF001 - no other list
        return [], list(words)  # it may mean to have them as they are
    theirs = parser._option_string_actions  # noqa: SLF001
    has_value = {flag: value for flag, value in _own_flags() if flag not in theirs}
    own, rest = [], []
    remaining = iter(words)
    for word in remaining:
        flag, equals, _ = word.partition("=")
        if word == "--":
            rest += [word, *remaining]
        elif flag not in has_value:
            rest.append(word)
        else:
            own.append(word)
            own += islice(remaining, 1 if has_value[flag] and not equals else 0)
    return own, rest


def read_own_options(words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Return those options of `launch` that are given, and the words that are none. Raises InvalidArguments."""
    parser = _own_parser()
    for action in parser._actions:  # noqa: SLF001
        action.default = SUPPRESS
    try:
        found, unknown = parser.parse_known_args(list(words))
    except CommandError as error:
        raise InvalidArguments(str(error).removeprefix("Error: ")) from error
    return vars(found), unknown


def _own_flags() -> Iterable[tuple[str, bool]]:
    """Return the options of `launch`, and for each whether it has a value."""
    for action in _own_parser()._actions:  # noqa: SLF001
        yield from ((flag, action.nargs != 0) for flag in action.option_strings)


def _own_parser() -> CommandParser:
    parser = CommandParser(prog=PROGRAM, add_help=False)
    add_own_options(parser)
    return parser
