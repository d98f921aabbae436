"""What somebody wants of the file: its format, its columns, its layout; checked alike wherever it is said."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from brokerless.exports.exceptions import InvalidOptions
from brokerless.exports.formats.layout import COMPRESSIONS, CSV, FORMATS, GZIP, GZIP_SUFFIX, NONE, Layout
from brokerless.exports.formats.libraries import LIBRARIES, is_installed, remedy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from brokerless.exports.exporter import Exporter

# A delimiter is given by its name or as it is; a tab is hard to type.
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
DELIMITER_LABELS = {
    "comma": gettext_lazy("Comma"),
    "semicolon": gettext_lazy("Semicolon"),
    "tab": gettext_lazy("Tab"),
    "pipe": gettext_lazy("Vertical bar"),
}
SWITCHES = {True: True, "true": True, "on": True, False: False, "false": False}
EMPTY = (None, "", [], ())


@dataclass(frozen=True)
class FileOptions:
    """The columns by name, none for all of them, and the layout."""

    columns: tuple[str, ...]
    layout: Layout

    def as_json(self, exporter: Exporter) -> dict[str, Any]:
        """Return what is not as it is by default, as the options of the exporter's command."""
        layout, usual = self.layout, Layout(format=exporter.format)
        options: dict[str, Any] = {"columns": list(self.columns)} if self.columns else {}
        for name in ("format", "compress", "bom", "guard"):
            if getattr(layout, name) != getattr(usual, name):
                options[name] = getattr(layout, name)
        if layout.delimiter != usual.delimiter:
            options["delimiter"] = delimiter_name(layout.delimiter)
        return options


def clean_file_options(exporter: Exporter, given: Mapping[str, Any]) -> FileOptions:
    """Return the options of the file; what is empty or not there is as usual.

    given: by the names of CLEANERS. Raises InvalidOptions with what is wrong with each, and for the usual format
    where its library is missing: no other takes its place unsaid.
    """
    cleaned: dict[str, Any] = {}
    errors: dict[str, list[str]] = {}
    given = {"format": exporter.format} | {name: value for name, value in given.items() if value not in EMPTY}
    for name, clean in CLEANERS.items():
        if name in given:
            try:
                cleaned[name] = clean(exporter, given[name])
            except ValidationError as error:
                errors[name] = error.messages
    if not errors:
        errors = _contradictions(cleaned, cleaned["format"])
    if errors:
        raise InvalidOptions(errors)
    columns = cleaned.pop("columns", ())
    return FileOptions(columns, _as_usual(Layout(**cleaned)))


def with_output(given: Mapping[str, Any], output: str) -> dict[str, Any]:
    """Return the options with what the ending of a file's name says of the format and the compression.

    Raises InvalidOptions when it contradicts what is given.
    """
    inner = output[: -len(GZIP_SUFFIX)] if output.lower().endswith(GZIP_SUFFIX) else output
    ending = PurePath(inner).suffix[1:].lower()
    said = {"compress": GZIP if inner != output else NONE} | ({"format": ending} if ending in FORMATS else {})
    for name, value in said.items():
        if given.get(name) not in (*EMPTY, value):
            text = _("%(given)s contradicts the name %(output)s, which says %(said)s; leave one of them out.")
            raise InvalidOptions({name: [text % {"given": given[name], "output": output, "said": value}]})
    return {**given, **said}


def delimiter_name(character: str) -> str:
    return next(name for name, value in DELIMITERS.items() if value == character)


def offered_format(exporter: Exporter) -> str:
    """Return the format that a form has chosen already: the usual one, or the first whose library is there."""
    found = exporter.get_formats()
    return exporter.format if exporter.format in found or not found else found[0]


def clean_format(exporter: Exporter, value: Any) -> str:
    """Return a format of the exporter. Raises ValidationError, which says how to install what it needs."""
    _check_choice(value, exporter.formats)
    if not is_installed(value):
        text = _(
            "%(format)s needs %(library)s, which is not installed here (%(remedy)s). Choose another: %(known)s."
        )
        known = ", ".join(exporter.get_formats()) or _("none")
        raise ValidationError(
            text % {"format": value, "library": LIBRARIES[value].name, "remedy": remedy(value), "known": known}
        )
    return value


def clean_columns(exporter: Exporter, value: Any) -> tuple[str, ...]:
    """Return names of the exporter's columns, given as texts of one or of several, separated by commas.

    None if they are all of them, in their order.
    """
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise ValidationError(_("Must be a list of names."))
    names = tuple(name.strip() for text in texts for name in text.split(","))
    declared = tuple(column.name for column in exporter.get_columns())
    for name in names:
        if name not in declared:
            text = _("There is no column “%(name)s”; there is: %(known)s.")
            raise ValidationError(text % {"name": name, "known": ", ".join(declared)})
        if names.count(name) > 1:
            raise ValidationError(_("The column “%(name)s” is named twice.") % {"name": name})
    return () if names == declared else names


def clean_delimiter(value: Any) -> str:
    """Return the character that separates cells, of its name or of itself."""
    return value if value in DELIMITERS.values() else DELIMITERS[_check_choice(value, DELIMITERS)]


def _clean_switch(value: Any) -> bool:
    # Not by `in` alone: 1 is equal to True.
    if not isinstance(value, bool | str) or value not in SWITCHES:
        raise ValidationError(_("Must be true or false."))
    return SWITCHES[value]


def _check_choice(value: Any, choices: Iterable[str]) -> str:
    if not isinstance(value, str) or value not in choices:
        text = _("There is no “%(value)s”; there is: %(known)s.")
        raise ValidationError(text % {"value": value, "known": ", ".join(choices)})
    return value


def _contradictions(cleaned: Mapping[str, Any], format_name: str) -> dict[str, list[str]]:
    """Return what is wrong with options that make no sense together."""
    text = _("Only a CSV file has it, not %(format)s.") % {"format": FORMATS[format_name].label}
    is_odd = {"delimiter": cleaned.get("delimiter", ",") != ",", "bom": cleaned.get("bom", False)}
    return {name: [text] for name, odd in is_odd.items() if odd and format_name != CSV}


def _as_usual(layout: Layout) -> Layout:
    """Say no way to compress where it is the usual one: the same wish is then always put the same."""
    usual = Layout(**{**vars(layout), "compress": ""})
    return usual if usual.is_gzipped == layout.is_gzipped else layout


CLEANERS: dict[str, Callable[[Exporter, Any], Any]] = {
    "format": clean_format,
    "columns": clean_columns,
    "compress": lambda _exporter, value: _check_choice(value, COMPRESSIONS),
    "delimiter": lambda _exporter, value: clean_delimiter(value),
    "bom": lambda _exporter, value: _clean_switch(value),
    "guard": lambda _exporter, value: _clean_switch(value),
}
