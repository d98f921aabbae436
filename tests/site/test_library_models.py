"""Authors and books: what the database keeps, and what the migrations say."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connection
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext

from library.models import Author, Book

pytestmark = pytest.mark.django_db


def test_the_migrations_are_complete():
    call_command("makemigrations", "library", check=True, dry_run=True, verbosity=0)


def test_an_author_with_books_cannot_be_deleted():
    author = Author.objects.create(name="Ann")
    Book.objects.create(title="Title", author=author)
    with pytest.raises(ProtectedError):
        author.delete()


def test_several_books_may_have_no_source():
    author = Author.objects.create(name="Ann")
    Book.objects.bulk_create([Book(title="One", author=author), Book(title="Two", author=author)])
    assert list(author.books.values_list("source_id", flat=True)) == [None, None]


def test_generating_books_is_a_permission_of_its_own():
    assert Permission.objects.filter(content_type__app_label="library", codename="generate_book").exists()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's plan")
def test_all_books_are_read_in_their_order_without_sorting():
    assert "TEMP B-TREE" not in Book.objects.all().explain()
    assert "TEMP B-TREE" in Book.objects.order_by("title").explain()


@pytest.mark.parametrize("path", ["author", "book"])
def test_the_admin_lists_rows_in_a_number_of_queries_that_does_not_grow(admin_client, path):
    def queries_of_list():
        with CaptureQueriesContext(connection) as queries:
            assert admin_client.get(f"/admin/library/{path}/?q=a").status_code == 200
        return len(queries)

    def add(name):
        Book.objects.create(title=name, author=Author.objects.create(name=name))

    add("Anna")
    queries_of_list()  # the first one fills caches
    with_one = queries_of_list()
    for name in ["Ada", "Alma", "Ava"]:
        add(name)
    assert queries_of_list() == with_one
