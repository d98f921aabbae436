"""Filters of several inputs on the page, in JSON, and in the address: each input has a name of its own."""

from __future__ import annotations

import pytest

from brokerless.models import TaskState
from library.models import Book
from tests.exporting.declaring import declare
from tests.exporting.making import make_book
from tests.exporting.test_filter_names import RangeFilter

URL = "/exports/books/"


@pytest.fixture(autouse=True)
def books(site, monkeypatch):
    for rating in (1, 3, 5):
        make_book(f"rated {rating}", average_rating=rating, published_year=1990 + rating)
    declared = {"columns": ("title",), "filterset_class": RangeFilter}
    return declare(monkeypatch, "books", queryset=Book.objects.order_by("pk"), **declared)


def test_the_form_that_the_page_shows_can_be_sent_as_it_is(browser, books):
    page = browser.get(URL).content.decode()
    names = set(books.get_filters())
    assert names == {name for name in names if f'name="{name}"' in page}
    assert browser.post(URL, dict.fromkeys(names, "")).status_code == 303
    assert TaskState.objects.get().options == {}


def test_a_bound_narrows_a_task_down(browser):
    given = {"rating_min": "2", "rating_max": "", "published_year__in": "1991,1993"}
    assert browser.post(URL, given).status_code == 303
    task = TaskState.objects.get()
    assert task.options == {"rating_min": "2", "published_year__in": "1991,1993"}
    assert task.title == "Books, year of publication: 1991 or 1993, rating at least 2"


def test_json_has_the_same_names_and_a_list_for_several_values(program):
    given = {"rating_min": 2, "published_year__in": [1991, 1993]}
    assert program.post(URL, given, content_type="application/json").status_code == 202
    assert TaskState.objects.get().options == {"rating_min": "2", "published_year__in": "1991,1993"}


def test_what_is_sent_at_once_is_narrowed_down(program):
    given = {"rating_min": "2", "published_year__range": "1990,1993", "format": "jsonl", "compress": "none"}
    assert b"".join(program.get(f"{URL}download/", given)) == b'{"title":"rated 3"}\n'


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"rating_min": "low"}, "rating_min"),
        ({"rating_min": " "}, "rating_min"),
        ({"published_year__in": "1990,"}, "published_year__in"),
        ({"rating": [1, 2]}, "rating"),
    ],
)
def test_a_wrong_input_is_refused_by_its_name(program, given, name):
    response = program.post(URL, given, content_type="application/json")
    assert response.status_code == 422
    assert list(response.json()["errors"]) == [name]
    assert not TaskState.objects.exists()


def test_the_page_shows_a_wrong_input_again(browser):
    response = browser.post(URL, {"rating_min": "low"})
    assert response.status_code == 422
    assert b'value="low"' in response.content
    assert b"Enter a number." in response.content
