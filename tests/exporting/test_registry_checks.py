"""What is wrong with an exporter's declaration is said by the system checks, before anybody meets it."""

from __future__ import annotations

import django_filters
import pytest
from django.core.checks import WARNING, run_checks

from brokerless.checks import TAG
from brokerless.exports import declaration_checks, registry
from brokerless.exports.asking.forms import FIELDS
from brokerless.exports.columns import Column
from brokerless.exports.exporter import Exporter
from brokerless.exports.formats import libraries
from library.admin import AuthorAdmin
from library.models import Author


class Authors(Exporter):
    queryset = Author.objects.order_by("pk")
    columns = ("pk", "name")


@pytest.fixture
def registered(monkeypatch):
    """Return the function that registers an exporter declared like that, and no other."""
    monkeypatch.setattr(registry, "_exporters", {})

    def register(**declared) -> None:
        registry.register("authors")(type("Declared", (Authors,), declared))

    return register


def filters_named(*names: str) -> type[django_filters.FilterSet]:
    return type("Filters", (django_filters.FilterSet,), {name: django_filters.CharFilter() for name in names})


@pytest.mark.parametrize(
    "name",
    [*FIELDS, "output", "no_guard", "admin_selection", "verbosity", "settings", "help", "no_record", "if_running"],
)
def test_a_filter_with_the_name_of_an_option_is_an_error(registered, name):
    registered(filterset_class=filters_named("name", name))
    (message,) = declaration_checks.check_filter_names()
    assert message.id == "brokerless_exports.E005"
    assert f"a filter '{name}'" in message.msg
    assert message.hint


def test_other_names_of_filters_are_fine(registered):
    registered(filterset_class=filters_named("name", "formats", "mail", "out"))
    assert declaration_checks.check_filter_names() == []
    registry._exporters.clear()
    registered()
    assert declaration_checks.check_filter_names() == []


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        ({"formats": ("csv", "xls")}, "a format 'xls', which does not exist"),
        ({"formats": ("tsv", "jsonl")}, "the default format 'csv', not one of its formats"),
        ({"format": "xlsx", "formats": ("csv",)}, "the default format 'xlsx'"),
    ],
)
def test_formats_that_are_none_are_an_error(registered, declared, text):
    registered(**declared)
    (message,) = declaration_checks.check_formats()
    assert message.id == "brokerless_exports.E006"
    assert text in message.msg


@pytest.mark.parametrize("declared", [{}, {"formats": ("tsv",), "format": "tsv"}])
def test_formats_that_exist_are_fine(registered, declared):
    registered(**declared)
    assert declaration_checks.check_formats() == []


def test_a_default_format_whose_library_is_missing_is_a_warning(registered, monkeypatch):
    registered(format="parquet")
    assert declaration_checks.check_formats() == []
    monkeypatch.setattr(libraries, "find_spec", lambda module: None)
    (message,) = declaration_checks.check_formats()
    assert (message.id, message.level) == ("brokerless_exports.W002", WARNING)
    assert "'parquet', but pyarrow is not installed" in message.msg
    assert "pip install" in message.hint
    registry._exporters.clear()
    registered(format="csv")
    assert declaration_checks.check_formats() == []


@pytest.mark.parametrize("name", ["a,b", " ", " name", "name\t", ","])
def test_a_column_s_name_that_users_could_not_choose_is_an_error(registered, name):
    registered(columns=("pk", Column("name", name=name)))
    (message,) = declaration_checks.check_column_names()
    assert message.id == "brokerless_exports.E009"
    assert repr(name) in message.msg


def test_two_columns_of_one_name_are_an_error_said_once(registered):
    registered(columns=("pk", "name", Column("pk", name="name"), Column("pk", "Name", name="other")))
    (message,) = declaration_checks.check_column_names()
    assert message.id == "brokerless_exports.E009"
    assert "2 columns of the name 'name'" in message.msg


def test_names_of_columns_may_be_anything_else_and_headers_alike(registered):
    registered(columns=(Column("pk", "Name"), Column("name", "Name"), Column("pk", "a,b", name="first book")))
    assert declaration_checks.check_column_names() == []


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("export_nobody", "has no management command 'export_nobody'"),
        ("check", "is no ExportCommand"),
        ("export_books", "exports 'books'"),
    ],
)
def test_a_command_that_does_not_export_it_is_an_error(registered, command, text):
    registered(command=command)
    (message,) = declaration_checks.check_commands()
    assert message.id == "brokerless_exports.E010"
    assert "'authors'" in message.msg
    assert text in message.msg
    assert "exporter = 'authors'" in message.hint


def test_its_own_command_is_fine(registered):
    registered()
    assert declaration_checks.check_commands() == []


def test_they_are_registered_and_the_site_has_nothing_wrong(monkeypatch):
    assert run_checks(tags=[TAG]) == []
    monkeypatch.setattr("exports.exporters.BookExporter.format", "xls")
    assert [message.id for message in run_checks(tags=[TAG])] == ["brokerless_exports.E006"]


def test_an_admin_with_another_model_s_exporter_is_a_system_check_error(monkeypatch):
    assert declaration_checks.check_admins() == []
    monkeypatch.setattr(AuthorAdmin, "exporter", "books")
    (message,) = declaration_checks.check_admins()
    assert message.id == "brokerless_exports.E007"
    assert "The exporter 'books' is one of library.Book." in message.msg
    monkeypatch.setattr(AuthorAdmin, "exporter", "films")
    assert "no exporter 'films'" in declaration_checks.check_admins()[0].msg
