"""Exporters: declared, registered, found by name, and open to those with the permission."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, Permission
from django.db.models import Count

from brokerless.exports import checks, registry
from brokerless.exports.columns import Column
from brokerless.exports.exceptions import PermissionRefused, UnknownExporter
from brokerless.exports.exporter import Exporter
from library.models import Author, Book


class Authors(Exporter):
    queryset = Author.objects.order_by("pk")
    columns = ("pk", Column("name", label="author"))


@pytest.fixture
def empty_registry(monkeypatch):
    monkeypatch.setattr(registry, "_exporters", {})


def test_the_exporters_of_the_site_are_found_by_autodiscovery():
    assert registry.get_exporter("books").model is Book


def test_an_unknown_name_is_refused_with_the_names_that_exist():
    with pytest.raises(UnknownExporter, match=r"no exporter 'films'; there is: .*books"):
        registry.get_exporter("films")


def test_without_any_exporter_the_remedy_is_said(empty_registry):
    with pytest.raises(UnknownExporter, match=r"declare one in an app's exporters\.py"):
        registry.get_exporter("books")


def test_a_registered_exporter_knows_its_name(empty_registry):
    assert registry.register("authors")(Authors) is Authors
    assert registry.get_exporter("authors").name == "authors"
    assert [exporter.name for exporter in registry.all_exporters()] == ["authors"]


def test_two_exporters_of_one_name_are_refused(empty_registry):
    registry.register("authors")(Authors)
    with pytest.raises(ValueError, match="two exporters of the name 'authors'"):
        registry.register("authors")(type("Others", (Exporter,), {}))


def test_registering_the_same_exporter_again_changes_nothing(empty_registry):
    registry.register("authors")(Authors)
    registry.register("authors")(Authors)
    assert len(registry.all_exporters()) == 1


@pytest.mark.parametrize("name", ["my books", "", "books/", "bücher", "a.b", "books\n", "files", "shared"])
def test_a_name_that_no_url_can_have_is_refused(empty_registry, name):
    with pytest.raises(ValueError, match="An exporter cannot have the name"):
        registry.register(name)(Authors)
    assert registry.all_exporters() == []


@pytest.mark.parametrize("name", ["books", "Books-2", "my_books", "file", "shared-files"])
def test_other_names_are_fine(empty_registry, name):
    registry.register(name)(Authors)
    assert registry.get_exporter(name).name == name


def test_an_exporter_has_defaults_for_what_is_not_declared():
    exporter = Authors("authors")
    assert exporter.command_name == "export_authors"
    assert exporter.title == "Authors"
    assert exporter.required_permission() == "library.view_author"
    assert exporter.get_filters() == {}
    assert [column.header for column in exporter.get_columns()] == ["pk", "author"]


def test_an_exporter_without_filters_exports_every_row(db):
    Author.objects.create(name="Sappho")
    assert Authors("authors").filtered({}, user=None).count() == 1


def test_declared_command_and_permission_win():
    declared = type("Declared", (Authors,), {"command": "dump", "permission": "library.generate_book"})
    assert declared("authors").command_name == "dump"
    assert declared("authors").required_permission() == "library.generate_book"


def test_who_has_the_permission_may_export(db, django_user_model):
    ann = django_user_model.objects.create(username="ann")
    ann.user_permissions.add(Permission.objects.get(codename="view_author"))
    Authors("authors").check_permission(ann)


@pytest.mark.parametrize("is_active", [True, False])
def test_who_lacks_the_permission_may_not(db, django_user_model, is_active):
    ann = django_user_model.objects.create(username="ann", is_active=is_active)
    if not is_active:
        ann.user_permissions.add(Permission.objects.get(codename="view_author"))
    with pytest.raises(PermissionRefused, match=r"ann may not export authors.*library\.view_author"):
        Authors("authors").check_permission(ann)


def test_a_visitor_may_not():
    with pytest.raises(PermissionRefused):
        Authors("authors").check_permission(AnonymousUser())


def test_a_column_that_does_not_exist_is_a_system_check_error(empty_registry):
    registry.register("authors")(type("Wrong", (Authors,), {"columns": ("name", "publisher__name")}))
    (message,) = checks.check_columns()
    assert message.id == "brokerless_exports.E003"
    assert "'publisher__name'" in message.msg


def test_columns_are_looked_for_in_the_rows_of_a_run_by_hand(empty_registry):
    def counted(self, user):
        assert user is None
        return self.queryset.annotate(written=Count("books"))

    declared = {"columns": ("name", "written"), "get_queryset": counted}
    registry.register("authors")(type("Counted", (Authors,), declared))
    assert checks.check_columns() == []


def test_rows_that_need_a_user_are_a_system_check_error(empty_registry):
    def own(self, user):
        return self.queryset.filter(name=user.username)

    registry.register("authors")(type("Own", (Authors,), {"get_queryset": own}))
    (message,) = checks.check_columns()
    assert message.id == "brokerless_exports.E003"
    assert "get_queryset(None) raises AttributeError" in message.msg


def test_a_slice_is_a_system_check_error(empty_registry):
    registry.register("authors")(type("First", (Authors,), {"queryset": Author.objects.order_by("pk")[:10]}))
    (message,) = checks.check_columns()
    assert message.id == "brokerless_exports.E011"
    assert "a slice of a queryset" in message.msg


def test_the_columns_of_the_site_exist():
    assert checks.check_columns() == []


def test_a_storage_that_does_not_exist_is_a_system_check_error(settings):
    settings.EXPORTS = {"STORAGE": "nowhere"}
    assert [message.id for message in checks.check_storage()] == ["brokerless_exports.E002"]


def test_the_storage_of_the_site_exists():
    assert checks.check_storage() == []


@pytest.mark.parametrize("wrong", [{"ATTACHMENT_LIMIT": "7 MB"}, {"ATTACHMENT_LIMIT": 0}, {"ATACHMENT_LIMIT": 7}])
def test_a_wrong_setting_is_a_system_check_error(settings, wrong):
    settings.EXPORTS = wrong
    assert [message.id for message in checks.check_settings()] == ["brokerless_exports.E001"]
