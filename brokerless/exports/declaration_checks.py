"""System checks of what exporters declare beside their columns, and of the admins that use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core import checks
from django.core.management.base import BaseCommand

from brokerless.arguments import load_command
from brokerless.checks import TAG
from brokerless.exceptions import UnknownCommand
from brokerless.exports.asking.file_options import CLEANERS
from brokerless.exports.exceptions import UnknownExporter
from brokerless.exports.formats.layout import FORMATS
from brokerless.exports.formats.libraries import LIBRARIES, is_installed, remedy
from brokerless.exports.registry import all_exporters, get_exporter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brokerless.exports.exporter import Exporter

# Fields of the form that are no options of the command.
FORM_FIELDS = frozenset({"email_me", "csrfmiddlewaretoken"})
# Options that the product itself takes out of a typed line.
RECORDING_OPTIONS = frozenset({"no_record", "if_running"})
SWITCHED_OFF = frozenset({"no_guard"})


@checks.register(TAG)
def check_filter_names(**_: Any) -> list[checks.CheckMessage]:
    """E005: a filter has the name of another option of the command."""
    taken = _taken_names()
    return [
        checks.Error(
            f"The exporter {exporter.name!r} has a filter {name!r}, but that is an option of every export.",
            hint="Give the filter another name; field_name says what it filters by.",
            id="brokerless_exports.E005",
        )
        for exporter in all_exporters()
        for name in exporter.get_filters()
        if name in taken
    ]


@checks.register(TAG)
def check_column_names(**_: Any) -> list[checks.CheckMessage]:
    """E009: a column has a name by which users could not choose it, or not it alone."""
    return [message for exporter in all_exporters() for message in _name_messages(exporter)]


@checks.register(TAG)
def check_commands(**_: Any) -> list[checks.CheckMessage]:
    """E010: the command of an exporter is missing, or exports something else."""
    return [
        checks.Error(text, hint=_command_hint(exporter), id="brokerless_exports.E010")
        for exporter in all_exporters()
        if (text := _command_problem(exporter))
    ]


@checks.register(TAG)
def check_formats(**_: Any) -> list[checks.CheckMessage]:
    """E006: an exporter's formats are none, or its default is not one of them. W002: its library is missing."""
    return [message for exporter in all_exporters() for message in _format_messages(exporter)]


@checks.register(TAG)
def check_admins(**_: Any) -> list[checks.CheckMessage]:
    """E007: an admin with `ExportMixin` names no exporter of its model."""
    if not apps.is_installed("django.contrib.admin"):
        return []
    return [*_admin_messages()]


def _taken_names() -> frozenset[str]:
    """Return the names of all options that a command has without filters, and of the fields of the form."""
    from brokerless.exports.asking.options import add_common_options

    parser = BaseCommand().create_parser("manage.py", "export")
    add_common_options(parser)
    options = {action.dest for action in parser._actions}  # noqa: SLF001 - argparse has no other list
    return frozenset(options | set(CLEANERS) | FORM_FIELDS | RECORDING_OPTIONS | SWITCHED_OFF)


def _format_messages(exporter: Exporter) -> Iterator[checks.CheckMessage]:
    hint = f"Choose from: {', '.join(FORMATS)}."
    for name in exporter.formats:
        if name not in FORMATS:
            text = f"The exporter {exporter.name!r} has a format {name!r}, which does not exist."
            yield checks.Error(text, hint=hint, id="brokerless_exports.E006")
    if exporter.format not in exporter.formats:
        text = (
            f"The exporter {exporter.name!r} has the default format {exporter.format!r}, not one of its formats."
        )
        yield checks.Error(text, hint="Name it in formats, too.", id="brokerless_exports.E006")
    elif not is_installed(exporter.format):
        text = (
            f"The exporter {exporter.name!r} has the default format {exporter.format!r}, "
            f"but {LIBRARIES[exporter.format].name} is not installed."
        )
        hint = f"{remedy(exporter.format)}, or choose another."
        yield checks.Warning(text, hint=hint, id="brokerless_exports.W002")


def _name_messages(exporter: Exporter) -> Iterator[checks.CheckMessage]:
    names = [column.name for column in exporter.get_columns()]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            problem = f"{names.count(name)} columns of the name {name!r}"
        elif "," in name or name != name.strip() or not name:
            problem = f"a column of the name {name!r}, which is blank, has blanks around it, or has a comma in it"
        else:
            continue
        yield checks.Error(
            f"The exporter {exporter.name!r} has {problem}; users choose columns by names between commas.",
            hint="Give each a name of its own: Column(…, name='books'). The header may be any label.",
            id="brokerless_exports.E009",
        )


def _command_problem(exporter: Exporter) -> str:
    from brokerless.exports.commands import ExportCommand

    name, its_name = exporter.name, exporter.command_name
    try:
        command = load_command(its_name)
    except UnknownCommand:
        return f"The exporter {name!r} has no management command {its_name!r}."
    if not isinstance(command, ExportCommand):
        return f"The command {its_name!r} of the exporter {name!r} is no ExportCommand."
    if command.exporter != name:
        return f"The command {its_name!r} of the exporter {name!r} exports {command.exporter!r}."
    return ""


def _command_hint(exporter: Exporter) -> str:
    return (
        f"Write management/commands/{exporter.command_name}.py with a class Command(ExportCommand) "
        f"and exporter = {exporter.name!r}, or name another in `command`."
    )


def _admin_messages() -> Iterator[checks.CheckMessage]:
    from django.contrib.admin.sites import all_sites

    from brokerless.exports.admin_actions import ExportMixin

    for site in all_sites:
        for model, model_admin in site._registry.items():  # noqa: SLF001 - Django's own checks read it, too
            if isinstance(model_admin, ExportMixin) and (text := _problem(model_admin, model)):
                hint = "Set `exporter` to the name that an exporter of this model is registered under."
                yield checks.Error(
                    f"{model_admin.__class__.__name__}: {text}", hint=hint, id="brokerless_exports.E007"
                )


def _problem(model_admin: Any, model: Any) -> str:
    try:
        exporter = get_exporter(getattr(model_admin, "exporter", ""))
    except UnknownExporter as error:
        return str(error)
    label = exporter.model._meta.label  # noqa: SLF001
    return "" if exporter.model is model else f"The exporter {exporter.name!r} is one of {label}."
