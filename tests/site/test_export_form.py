"""What a link may fill in of the form and what not, and what is said when nothing can be started."""

from __future__ import annotations

import pytest
from django.utils import timezone

from brokerless.exports.asking.alike import unique_key
from brokerless.exports.formats import libraries
from brokerless.exports.formats.layout import FORMATS
from brokerless.exports.registry import get_exporter
from brokerless.models import TaskState
from tests.site.page_parts import Page

URL = "/exports/books/"


def box_of(response, name: str) -> dict:
    (box,) = Page(response.content.decode()).find("input", type="checkbox", name=name)
    return box


def chosen_format(response) -> list[str | None]:
    options = Page(response.content.decode()).find("option")
    return [option["value"] for option in options if "selected" in option and option["value"] in FORMATS]


@pytest.mark.parametrize("query", [{}, {"guard": "false"}, {"guard": "perhaps"}, {"guard": ["false", "false"]}])
def test_no_link_unticks_the_guard(browser, query):
    response = browser.get(URL, query)
    assert response.status_code == 200
    assert "checked" in box_of(response, "guard")
    assert "Must be true or false." not in response.content.decode()


def test_other_boxes_are_filled_in_by_a_link(browser):
    assert "checked" not in box_of(browser.get(URL), "bom")
    assert "checked" in box_of(browser.get(URL, {"bom": "true"}), "bom")


def test_a_box_that_was_unticked_stays_so_on_the_page_that_says_what_is_wrong(browser):
    response = browser.post(URL, {"guard": "false", "format": "xls"})
    assert response.status_code == 422
    assert "checked" not in box_of(response, "guard")


def test_a_column_is_called_as_people_do_and_small_as_in_the_file(browser):
    text = browser.get(URL).content.decode()
    assert '<span>ISBN-13 <small class="bl-hint">isbn13</small></span>' in text
    assert ("Source id" in text, '<small class="bl-hint">source_id' in text) == (True, False)  # it says no more
    computed = browser.get("/exports/authors/").content.decode()
    assert ("Decades" in computed, ">decades<" in computed) == (True, False)


@pytest.fixture
def parquet_by_default(monkeypatch):
    monkeypatch.setattr(type(get_exporter("books")), "format", "parquet")


def test_the_usual_format_is_chosen_already(browser, parquet_by_default):
    assert chosen_format(browser.get(URL)) == ["parquet"]


def test_where_its_library_is_missing_the_first_that_can_be_had_is_chosen(
    browser, program, parquet_by_default, monkeypatch
):
    monkeypatch.setattr(libraries, "find_spec", lambda module: None)
    page = browser.get(URL)
    assert chosen_format(page) == ["csv"]
    assert "pyarrow" not in page.content.decode()
    # Who names none is told so everywhere, in the same words.
    said = [program.post(URL), program.get(f"{URL}download/"), program.post(URL, {"format": "parquet"})]
    assert [response.status_code for response in said] == [422, 422, 422]
    assert len({response.json()["errors"]["format"][0] for response in said}) == 1
    assert "parquet needs pyarrow" in said[0].json()["errors"]["format"][0]
    assert not TaskState.objects.exists()
    assert browser.post(URL, {"format": "csv"}).status_code == 303
    assert TaskState.objects.get().options == {"format": "csv"}


def test_an_export_without_its_command_is_said_to_be_no_mistake_of_the_user(browser, program, monkeypatch, caplog):
    monkeypatch.setattr(type(get_exporter("books")), "command", "export_nothing")
    response = program.post(URL)
    assert response.status_code == response.json()["status"] == 500
    assert "cannot be started: its command is missing" in response.json()["detail"]
    assert "no management command 'export_nothing'" in caplog.text
    page = browser.post(URL)
    assert (page.status_code, page["Content-Type"]) == (500, "text/html; charset=utf-8")
    assert not TaskState.objects.exists()


def test_who_asks_twice_in_the_same_language_is_led_to_the_first_task(browser):
    first, second = (browser.post(URL, headers={"accept-language": "de"}) for _ in range(2))
    assert first.url == second.url


def test_in_another_language_it_is_another_file(browser):
    """The labels of choices are in the language of who asks."""
    first, second = (browser.post(URL, headers={"accept-language": language}) for language in ("de", "en"))
    assert first.url != second.url
    assert {task.context["language"] for task in TaskState.objects.all()} == {"de", "en"}


def test_in_another_time_zone_it_is_another_file():
    with timezone.override("Asia/Kolkata"):
        there = unique_key("books", {"q": "x"})
        assert there == unique_key("books", {"q": "x"})
    with timezone.override("UTC"):
        assert unique_key("books", {"q": "x"}) != there
