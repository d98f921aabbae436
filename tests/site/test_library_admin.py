"""Books in the admin: whatever changes them has their authors' statistics recomputed, and nobody else's."""

from __future__ import annotations

import pytest
from django.contrib.admin import ModelAdmin
from django.utils import timezone

from brokerless.models import TaskState
from library.admin import MANY_AUTHORS
from library.models import Author, AuthorStatistics, Book
from tests.exporting.making import make_book

BOOKS = "/admin/library/book/"

pytestmark = pytest.mark.usefixtures("site")


def form_of(book: Book, **changed: object) -> dict[str, object]:
    """Return the form of a book as a browser sends it."""
    values = {"title": book.title, "author": book.author_id, "ratings_count": book.ratings_count}
    moment = {"added_at_0": "2026-05-01", "added_at_1": "12:00:00"}
    return values | moment | changed


def recomputed() -> list[int | None]:
    """Return whose statistics are to be recomputed; None for everybody's."""
    tasks = TaskState.objects.filter(arguments=["library.tasks.recompute_author_statistics"])
    return sorted(task.options.get("keywords", {}).get("author_id") for task in tasks)


def delete(admin_client, *books: Book):
    chosen = {"action": "delete_selected", "_selected_action": [book.pk for book in books], "post": "yes"}
    return admin_client.post(BOOKS, chosen)


def test_a_new_book_has_its_author_recomputed(admin_client):
    author = Author.objects.create(name="Ann")
    make_book(author="Bob")
    admin_client.post(f"{BOOKS}add/", form_of(Book(title="New", author=author)))
    assert Book.objects.filter(title="New").exists()
    assert recomputed() == [author.pk]


def test_a_changed_book_has_its_author_recomputed(admin_client):
    book = make_book()
    admin_client.post(f"{BOOKS}{book.pk}/change/", form_of(book, ratings_count=7))
    assert Book.objects.get().ratings_count == 7
    assert recomputed() == [book.author_id]


def test_a_book_that_goes_to_another_author_has_both_recomputed(admin_client):
    book, other = make_book(), Author.objects.create(name="Ann")
    admin_client.post(f"{BOOKS}{book.pk}/change/", form_of(book, author=other.pk))
    assert recomputed() == sorted([book.author_id, other.pk])


def test_a_deleted_book_has_its_author_recomputed(admin_client):
    book = make_book()
    admin_client.post(f"{BOOKS}{book.pk}/delete/", {"post": "yes"})
    assert not Book.objects.exists()
    assert recomputed() == [book.author_id]


def test_several_deleted_books_have_each_author_recomputed_once(admin_client):
    books = [make_book(author=name) for name in ("Ann", "Bob", "Ann")]
    delete(admin_client, *books)
    assert not Book.objects.exists()
    assert recomputed() == [books[0].author_id, books[1].author_id]


def test_many_deleted_books_have_everybody_recomputed_by_one_task(admin_client):
    delete(admin_client, *[make_book(author=f"Author {number}") for number in range(MANY_AUTHORS)])
    assert not Book.objects.exists()
    assert recomputed() == [None]


def test_a_form_that_is_refused_has_nobody_recomputed(admin_client):
    book = make_book()
    assert admin_client.post(f"{BOOKS}{book.pk}/change/", form_of(book, title="")).status_code == 200
    assert recomputed() == []


def test_what_is_rolled_back_leaves_no_task(admin_client, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("after the task was recorded")

    book = make_book()
    monkeypatch.setattr(ModelAdmin, "log_change", fail)
    with pytest.raises(RuntimeError, match="after the task was recorded"):
        admin_client.post(f"{BOOKS}{book.pk}/change/", form_of(book, ratings_count=7))
    assert Book.objects.get().ratings_count == 0
    assert recomputed() == []


def test_the_task_is_django_s_and_belongs_to_the_staff(admin_client):
    book = make_book()
    admin_client.post(f"{BOOKS}{book.pk}/change/", form_of(book))
    task = TaskState.objects.get()
    assert (task.owner, task.queue, task.status) == (None, "statistics", TaskState.Status.READY)


@pytest.fixture
def author():
    """Somebody with statistics and no books."""
    author = Author.objects.create(name="Ann")
    AuthorStatistics.objects.create(
        author=author, books_count=3, ratings_count=4711, first_year=1920, computed_at=timezone.now()
    )
    return author


def test_an_author_s_statistics_are_shown_and_not_changed(admin_client, author):
    url = f"/admin/library/author/{author.pk}/change/"
    page = admin_client.get(url).content.decode()
    assert "4711" in page
    assert 'name="statistics-TOTAL_FORMS"' in page
    assert 'name="statistics-0-ratings_count"' not in page
    management = {"statistics-TOTAL_FORMS": "1", "statistics-INITIAL_FORMS": "1"}
    forged = {"statistics-0-author": author.pk, "statistics-0-ratings_count": "1"}
    assert admin_client.post(url, {"name": "Anne"} | management | forged).status_code == 302
    assert (Author.objects.get().name, AuthorStatistics.objects.get().ratings_count) == ("Anne", 4711)


@pytest.mark.parametrize("page", ["add", "{author}/change"])
def test_an_author_without_statistics_has_no_place_for_them(admin_client, page):
    url = f"/admin/library/author/{page.format(author=Author.objects.create(name='Bob').pk)}/"
    assert "statistics-TOTAL_FORMS" not in admin_client.get(url).content.decode()
    assert admin_client.post(url, {"name": "Cid"}).status_code == 302
    assert Author.objects.filter(name="Cid").exists()


def test_statistics_do_not_keep_their_author_from_being_deleted(admin_client, author):
    assert admin_client.post(f"/admin/library/author/{author.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not AuthorStatistics.objects.exists()
