"""The form of a command: what is filled in is read by the command's own parser, whose words are shown."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from brokerless.arguments import command_line, load_command
from brokerless.command_forms.fields import Part, Unmapped, parts_of
from brokerless.command_forms.parser import offered_parser
from brokerless.exceptions import InvalidArguments
from brokerless.words import read_words

if TYPE_CHECKING:
    from brokerless.words import ReadWords

PREFIX = "command"  # so that no option meets a field of another form on the page
WORDS = "words"
LONGEST_LINE = 20_000  # characters


class CommandForm(forms.Form):
    """Has a field for each thing that a command takes; or one for all its words, where one has no field.

    reason: why it has only one field; empty otherwise. When it is valid: `read`, which `launch()` takes, and
    `line`, the words that mean the same behind the command's name.

    Raises UnknownCommand and NotOffered.
    """

    prefix = PREFIX
    read: ReadWords
    line: list[str]

    def __init__(self, command: str, data: Any = None, **keywords: Any) -> None:
        super().__init__(data, **keywords)
        self.command = command
        self.reason = ""
        self._parser = offered_parser(command)
        self._parts: list[Part] = []
        try:
            self._parts = parts_of(self._parser, getattr(load_command(command), "labels_in_forms", {}))
        except Unmapped as unmapped:
            self.reason = str(unmapped)
            self.fields[WORDS] = _words_field()
        self.fields |= {part.name: part.field for part in self._parts}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not self.errors:
            self._read(self._typed(cleaned) if self.reason else self._given(cleaned))
        return cleaned

    def _typed(self, cleaned: dict[str, Any]) -> list[str]:
        try:
            return shlex.split(cleaned[WORDS])
        except ValueError as error:
            self.add_error(WORDS, str(error))
            return []

    def _given(self, cleaned: dict[str, Any]) -> list[str]:
        """Return the words that mean what was filled in; each is checked beside its field."""
        given = {part.name: part.read(cleaned[part.name]) for part in self._parts}
        for part in self._parts:
            if part.action is not None and given[part.name] is not None:
                self._check(part, given[part.name])
        if self.errors:
            return []
        try:
            return command_line(self._parser, [], given)
        except InvalidArguments as error:
            self.add_error(None, str(error))
            return []

    def _check(self, part: Part, value: Any) -> None:
        """Have the option's own type and choices look at each word: of several mistakes all are told at once."""
        if getattr(part.action.type, "reads_json", False):
            return  # it is told with the others
        for word in value if isinstance(value, list) else [value]:
            try:
                found = self._parser._get_value(part.action, word)  # noqa: SLF001 - what parsing does to it
                self._parser._check_value(part.action, found)  # noqa: SLF001
            except argparse.ArgumentError as error:
                self.add_error(part.name, error.message)
            except Exception as error:  # a type is any function
                self.add_error(part.name, f"{type(error).__name__}: {error}")

    def _read(self, words: list[str]) -> None:
        if self.errors:
            return
        try:
            self._parser.parse_args(words)
            self.read = read_words(self.command, words)
            self.line = command_line(self._parser, self.read.arguments, self.read.options)
        except argparse.ArgumentError as error:
            self.add_error(self._field_of(error.argument_name), error.message)
        except (CommandError, InvalidArguments) as error:
            self.add_error(None, str(error).removeprefix(f"{self.command}: ").removeprefix("Error: "))
        except Exception as error:  # a type is any function
            self.add_error(None, f"{type(error).__name__}: {error}")

    def _field_of(self, name: str | None) -> str | None:
        """Return the field of what argparse calls so in an error; None for no single one."""
        named = {argparse._get_action_name(part.action): part.name for part in self._parts if part.action}  # noqa: SLF001
        return named.get(name)


def _words_field() -> forms.CharField:
    text = _("The words behind the command's name, quoted as in a shell. No shell reads them.")
    return forms.CharField(
        label=_("Words"),
        required=False,
        max_length=LONGEST_LINE,
        help_text=text,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocapitalize": "off"}),
    )
