"""What an exporter is called, in the words of its model and in the language of whoever reads it."""

from __future__ import annotations

import pytest
from django.utils import translation

from brokerless.exports import exporter as exporter_module
from brokerless.exports.exceptions import PermissionRefused
from brokerless.exports.registry import get_exporter
from library.models import Book


@pytest.fixture
def books(monkeypatch):
    monkeypatch.setattr(Book._meta, "verbose_name_plural", "veröffentlichte Bücher mit ISBN")
    return get_exporter("books")


def test_a_title_begins_with_a_capital_and_keeps_the_others(books):
    assert books.title == "Veröffentlichte Bücher mit ISBN"


def test_within_a_sentence_every_capital_is_as_declared(books):
    assert books.unit == "veröffentlichte Bücher mit ISBN"


def test_a_refusal_is_said_in_the_reader_s_language(books, monkeypatch, django_user_model):
    monkeypatch.setattr(exporter_module, "_", lambda text: f"übersetzt: {text}")
    with translation.override("de"), pytest.raises(PermissionRefused) as caught:
        books.check_permission(django_user_model(username="ann", is_active=False))
    assert str(caught.value) == (
        "übersetzt: ann may not export veröffentlichte Bücher mit ISBN: "
        "the permission library.view_book is needed."
    )
