"""The list of books, with the filters of the export, and the button that exports what it shows."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brokerless.models import TaskState
from library.paging import PAGE_SIZE
from tests.exporting.making import make_book, make_many_books
from tests.site.page_parts import Page

URL = "/books/"


def shown_titles(response) -> list[str]:
    return [book.title for book in response.context["page"].rows]


@pytest.fixture
def shelf(site):
    make_book("Iliad", author="Homer", published_year=-750, language="grc", average_rating=Decimal("3.90"))
    make_book("Ulysses", author="James Joyce", published_year=1922, language="eng", average_rating=Decimal("4.00"))
    make_book("Emma", author="Jane Austen", published_year=1815, language="eng", available=False)


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ({}, ["Iliad", "Ulysses", "Emma"]),
        ({"q": "ulys"}, ["Ulysses"]),
        ({"author": "homer"}, ["Iliad"]),
        ({"language": "eng"}, ["Ulysses", "Emma"]),
        ({"published_after": "1815", "published_before": "1922"}, ["Ulysses", "Emma"]),
        ({"published_before": "-750"}, ["Iliad"]),
        ({"min_rating": "3.9"}, ["Iliad", "Ulysses"]),
        ({"available": "false"}, ["Emma"]),
        ({"q": "nothing like it"}, []),
        ({"q": "", "available": ""}, ["Iliad", "Ulysses", "Emma"]),
    ],
)
def test_it_shows_what_the_filters_select(browser, shelf, query, titles):
    assert shown_titles(browser.get(URL, query)) == titles


@pytest.mark.parametrize(
    "query",
    [
        {"q": "ulys"},
        {"language": "eng", "available": "true"},
        {"published_before": "-750"},
        {},
        {"q": "<script>", "author": '"quoted"'},
    ],
)
def test_the_button_exports_what_is_shown(browser, shelf, query):
    page = Page(browser.get(URL, query).content.decode())
    fields = {field["name"]: field["value"] for field in page.find("input", type="hidden")}
    assert browser.post("/exports/books/", fields).status_code == 303
    assert TaskState.objects.get().options == query


def test_the_form_as_it_is_sent_untouched_is_exported_whole(browser, shelf):
    """A browser sends every field of the form, also those that say nothing."""
    form = browser.get(URL).context["form"]
    query = {name: field.widget.format_value(None) or "" for name, field in form.fields.items()}
    response = browser.get(URL, query)
    assert len(shown_titles(response)) == 3
    page = Page(response.content.decode())
    fields = {field["name"]: field["value"] for field in page.find("input", type="hidden")}
    assert browser.post("/exports/books/", fields).status_code == 303
    assert TaskState.objects.get().options == {}


@pytest.mark.parametrize(
    "query",
    [{"published_after": "soon"}, {"min_rating": "5.1"}, {"q": "a\0b"}, {"published_after": "9" * 60}],
)
def test_a_wrong_filter_is_said_and_shows_nothing(browser, shelf, query):
    response = browser.get(URL, query)
    assert response.status_code == 200
    assert shown_titles(response) == []
    text = response.content.decode()
    assert "Correct the fields marked in red." in text
    assert "errorlist" in text
    (_button,) = [values for values in Page(text).find("button") if "disabled" in values]


@pytest.mark.parametrize("year", ["99999", "9999999999999999999", "-99999"])
def test_a_year_beyond_the_column_is_no_fault(browser, shelf, year):
    assert browser.get(URL, {"published_after": year}).status_code == 200
    assert browser.get(URL, {"published_before": year}).status_code == 200


@pytest.mark.parametrize("text", ["%", "_", "'; DROP TABLE library_book; --", "\\", "x" * 10_000])
def test_a_search_text_is_only_text(browser, shelf, text):
    assert shown_titles(browser.get(URL, {"q": text})) == []


def test_there_is_a_page_at_a_time(browser):
    make_many_books(PAGE_SIZE + 1)
    first, second = browser.get(URL, {"language": "eng"}), browser.get(URL, {"language": "eng", "page": "2"})
    assert (len(shown_titles(first)), len(shown_titles(second))) == (PAGE_SIZE, 1)
    assert 'rel="next" href="?language=eng&amp;page=2"' in first.content.decode()
    assert 'rel="prev" href="?language=eng&amp;page=1"' in second.content.decode()
    assert 'rel="prev"' not in first.content.decode()
    assert 'rel="next"' not in second.content.decode()


@pytest.mark.parametrize(
    ("page", "count"), [("-1", 3), ("0", 3), ("abc", 3), ("٣", 3), ("1e3", 3), ("9" * 5000, 3), ("999999999", 0)]
)
def test_a_page_that_does_not_exist_is_the_first_or_empty(browser, shelf, page, count):
    response = browser.get(URL, {"page": page})
    assert response.status_code == 200
    assert len(shown_titles(response)) == count


def test_the_list_costs_the_same_however_many_books_there_are(browser, django_assert_num_queries):
    browser.get(URL)
    make_many_books(200)
    with django_assert_num_queries(7) as queries:
        browser.get(URL)
    books = [query["sql"] for query in queries if '"library_book"' in query["sql"]]
    assert len(books) == 1
    assert "COUNT(" not in books[0]


def test_the_box_for_the_mail_names_the_address(browser, ann, browser_of):
    assert "Also mail the file to ann@example.org" in browser.get(URL).content.decode()
    ann.email = ""
    ann.save()
    assert "Also mail the file" not in browser_of(ann).get(URL).content.decode()


def test_who_may_not_see_books_sees_none(person, browser_of):
    assert browser_of(person("eve")).get(URL).status_code == 403


def test_who_may_not_generate_is_not_offered_it(person, browser, browser_of):
    assert "/books/generate/" in browser.get(URL).content.decode()
    assert "/books/generate/" not in browser_of(person("eve", "view_book")).get(URL).content.decode()


def test_the_front_page_leads_to_the_books(browser):
    assert browser.get("/").url == URL


@pytest.mark.parametrize(
    ("query", "can_export", "is_open"),
    [
        ({}, True, False),
        ({"q": "", "page": "1"}, True, False),
        ({"language": "eng"}, True, True),
        ({"page": "9999"}, True, False),
        ({"q": "nothing like it"}, False, True),
        ({"min_rating": "9"}, False, True),
    ],
)
def test_only_what_is_found_can_be_exported_and_set_filters_are_seen(browser, shelf, query, can_export, is_open):
    page = Page(browser.get(URL, query).content.decode())
    (button,) = page.find("button", **{"class": "bl-button"})
    (filters,) = page.find("details")
    assert ("disabled" not in button, "open" in filters) == (can_export, is_open)


def test_help_and_errors_are_told_with_their_field(browser, shelf):
    page = Page(browser.get(URL, {"min_rating": "9"}).content.decode())
    (field,) = page.find("input", name="min_rating", type="number")
    described = field["aria-describedby"].split()
    identifiers = {values.get("id") for _, values in page.elements}
    assert "id_min_rating_helptext" in described
    assert set(described) <= identifiers
    assert field["aria-invalid"] == "true"
