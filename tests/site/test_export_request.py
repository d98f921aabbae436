"""`POST /exports/books/`: a task is recorded, or every wrong field is named."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from brokerless.models import TaskState
from tests.exporting.making import make_book

if TYPE_CHECKING:
    from django.test import Client

URL = "/exports/books/"


def post_json(client: Client, body, url: str = URL, **keywords):
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post(url, data, content_type="application/json", **keywords)


def the_task() -> TaskState:
    return TaskState.objects.get()


def test_a_form_leads_to_the_task_with_a_message(browser, ann):
    response = browser.post(URL, {"language": "eng", "q": ""})
    task = the_task()
    assert (response.status_code, response.url) == (303, f"/tasks/{task.pk}/")
    assert (task.command, task.options, task.arguments) == ("export_books", {"language": "eng"}, [])
    assert (task.owner, task.title, task.status) == (ann, "Books, English", "READY")
    assert task.context["path"] == URL
    assert "We have your request." in browser.get(response.url).content.decode()
    assert "We have your request." not in browser.get(response.url).content.decode()


def test_the_task_is_called_in_the_words_and_the_language_of_whoever_asks(browser):
    given = {"language": "ENG", "published_after": "1970", "min_rating": "4.2", "available": "true", "q": "Ring"}
    browser.post(URL, given, headers={"accept-language": "de"})
    assert the_task().title == (
        "Bücher, mit „Ring“, Englisch, ab 1970, durchschnittliche Bewertung mindestens 4,2, verfügbar"
    )
    browser.post(URL, {"published_after": "1970", "published_before": "1980"})
    assert TaskState.objects.latest("created_at").title == "Books, 1970 to 1980"


def test_json_is_answered_with_the_task(program, ann):
    response = post_json(program, {"language": "eng", "published_after": 1900, "available": True, "q": None})
    task = the_task()
    assert response.status_code == 202
    assert response["Location"] == f"/tasks/{task.pk}/"
    assert response["Retry-After"] == "1"
    assert response.json()["id"] == str(task.pk)
    assert response.json() == program.get(response["Location"]).json()
    assert task.options == {"language": "eng", "published_after": "1900", "available": "true"}
    assert task.owner == ann


def test_a_form_may_be_answered_in_json(program):
    response = program.post(URL, {"language": "eng"})
    assert response.status_code == 202
    assert the_task().options == {"language": "eng"}


@pytest.mark.parametrize("body", ["", "{}"])
def test_without_filters_everything_is_exported(program, body):
    assert post_json(program, body).status_code == 202
    assert the_task().options == {}
    assert the_task().title == "Books, all"


def test_the_form_as_the_page_gives_it_exports_everything(browser):
    """The page's own fields, untouched, are no filters."""
    page = browser.get(URL)
    form = page.context["form"]
    untouched = {name: field.widget.format_value(None) or "" for name, field in form.fields.items()}
    assert browser.post(URL, untouched).status_code == 303
    assert the_task().options == {}


def test_django_s_own_word_for_neither_yes_nor_no_is_no_filter(browser):
    assert browser.post(URL, {"available": "unknown"}).status_code == 303
    assert the_task().options == {}


WRONG = [
    ({"published_after": "soon"}, "published_after"),
    ({"published_after": 1.5}, "published_after"),
    ({"min_rating": "5.1"}, "min_rating"),
    ({"min_rating": True}, "min_rating"),
    ({"available": "perhaps"}, "available"),
    ({"available": 1}, "available"),
    ({"publisher": "Knopf"}, "publisher"),
    ({"q": "a\0b"}, "q"),
    ({"q": "\ud800"}, "q"),
    ({"language": ["eng", "fre"]}, "language"),
    ({"language": {"code": "eng"}}, "language"),
    ({"language": [["eng"]]}, "language"),
    ({"output": "/etc/passwd"}, "output"),
    ({"email": "all@example.org"}, "email"),
    ({"verbosity": 3}, "verbosity"),
    ({"email_me": "yes"}, "email_me"),
    ({"email_me": None}, "email_me"),
]


@pytest.mark.parametrize(("body", "field"), WRONG)
def test_json_that_is_wrong_is_a_problem_beside_its_field(program, body, field):
    response = post_json(program, body)
    problem = response.json()
    assert response.status_code == problem["status"] == 422
    assert response["Content-Type"] == "application/problem+json"
    assert (problem["type"], problem["title"]) == ("about:blank", HTTPStatus.UNPROCESSABLE_ENTITY.phrase)
    assert list(problem["errors"]) == [field]
    assert all(isinstance(text, str) and text for text in problem["errors"][field])
    assert not TaskState.objects.exists()


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ({"published_after": "soon"}, "Enter a whole number."),
        ({"min_rating": "5.1"}, "less than or equal to 5"),
        ({"available": "perhaps"}, "Choose yes or no."),
        ({"publisher": "Knopf"}, "publisher: There is no such filter"),
        ({"language": ["eng", "fre"]}, "language: Takes one value, not several."),
        ({"q": "a\0b"}, "Null characters are not allowed."),
        ({"csrfmiddlewaretoken": "x", "output": "/etc/passwd"}, "output: There is no such filter"),
    ],
)
def test_a_form_that_is_wrong_is_shown_again_with_the_reason(browser, form, text):
    response = browser.post(URL, {"author": "Joyce"} | form)
    page = response.content.decode()
    assert response.status_code == 422
    assert text in page
    assert 'value="Joyce"' in page
    assert not TaskState.objects.exists()


def test_json_that_is_wrong_is_said_on_a_page_too(browser):
    response = post_json(browser, {"min_rating": "6"})
    assert response.status_code == 422
    assert "min_rating: Ensure this value is less than or equal to 5." in response.content.decode()


@pytest.mark.parametrize("name", ["\ud800", "a\udfffb"])
def test_a_name_that_is_no_unicode_is_refused_as_any_unknown_one(browser, program, name):
    page = post_json(browser, {name: 1})
    shown = name.encode(errors="replace").decode()
    assert page.status_code == 422
    assert f"{shown}: There is no such filter" in page.content.decode()
    assert list(post_json(program, {name: 1}).json()["errors"]) == [shown]
    assert not TaskState.objects.exists()


@pytest.mark.parametrize(
    "body",
    ["{", "[]", '"text"', "1", "null", b"\xff\xfe\xff", '{"q": NaN}', '{"q": Infinity}', "[" * 100_000],
)
def test_a_body_that_is_no_object_is_refused(program, body):
    response = post_json(program, body)
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["detail"].startswith("The body ")
    assert not TaskState.objects.exists()


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/vnd.api+json"])
def test_a_body_of_another_type_is_not_taken_for_a_wish_without_filters(program, content_type):
    response = program.post(URL, '{"language": "eng"}', content_type=content_type)
    assert response.status_code == 415
    assert not TaskState.objects.exists()


def test_json_that_is_sent_as_a_form_is_refused(program):
    """As curl does that is given a body and no type."""
    response = program.post(URL, '{"language":"eng"}', content_type="application/x-www-form-urlencoded")
    assert response.status_code == 422
    assert not TaskState.objects.exists()


def test_a_charset_beside_the_type_is_fine(program):
    response = program.post(URL, "{}", content_type="application/json; charset=utf-8")
    assert response.status_code == 202


@pytest.mark.parametrize("length", [500, 100_000])
def test_a_very_long_value_is_stored_whole_and_its_title_cut(program, length):
    assert post_json(program, {"q": "x" * length}).status_code == 202
    assert the_task().options == {"q": "x" * length}
    assert len(the_task().title) == 200


@pytest.mark.parametrize(
    "text", ["two\nlines", "a\r\nBcc: x@example.org", "<script>alert(1)</script>", "📚 עברית"]
)
def test_an_odd_value_makes_a_title_of_one_line(program, text):
    assert post_json(program, {"q": text}).status_code == 202
    assert the_task().options == {"q": text}
    assert the_task().title == f"Books, containing “{' '.join(text.split())}”"


@pytest.mark.parametrize("value", ["--help", "-5", "--output=/tmp/x", "@file"])
def test_a_value_is_never_an_option(program, value):
    assert post_json(program, {"q": value}).status_code == 202
    assert the_task().options == {"q": value}


@pytest.mark.parametrize(
    ("sent", "is_mailed"), [({"email_me": "on"}, True), ({"email_me": "false"}, False), ({}, False)]
)
def test_the_box_decides_on_the_mail(browser, sent, is_mailed):
    browser.post(URL, sent)
    assert the_task().options == ({"email": ["ann@example.org"]} if is_mailed else {})


@pytest.mark.parametrize("is_mailed", [True, False])
def test_in_json_it_is_a_boolean(program, is_mailed):
    post_json(program, {"email_me": is_mailed})
    assert the_task().options == ({"email": ["ann@example.org"]} if is_mailed else {})


@pytest.mark.parametrize("address", ["", "nobody", "ann@example.org\nBcc: all@example.org"])
def test_an_account_without_a_proper_address_is_told_so(browser, program, ann, address):
    ann.email = address
    ann.save()
    assert post_json(program, {"email_me": True}).json()["errors"]["email_me"]
    response = browser.post(URL, {"email_me": "on"})
    assert response.status_code == 422
    assert "e-mail address" in response.content.decode().partition("errorlist" if address else "bl-error")[2]
    assert not TaskState.objects.exists()


def test_an_unknown_exporter_is_not_found(program, browser):
    assert post_json(program, {}, "/exports/films/").json()["status"] == 404
    assert browser.post("/exports/films/").status_code == 404


def test_who_may_not_see_the_books_may_not_export_them(person, program_of, browser_of):
    eve = person("eve")
    response = post_json(program_of(eve), {})
    assert response.status_code == 403
    assert "library.view_book" in response.json()["detail"]
    assert browser_of(eve).post(URL).status_code == 403
    assert browser_of(eve).get(URL).status_code == 403
    assert not TaskState.objects.exists()


def test_a_command_that_is_stricter_than_the_filters_is_quoted(program, ann, monkeypatch):
    monkeypatch.setattr("brokerless.exports.asking.forms.check_address", str)
    monkeypatch.setattr("brokerless.exports.asking.forms.check_recipients", lambda user, recipients: None)
    ann.email = "nobody"
    ann.save()
    response = post_json(program, {"email_me": True})
    assert response.status_code == 422
    assert "'nobody' is no e-mail address" in response.json()["detail"]


def test_the_view_reads_no_book(program, django_assert_max_num_queries):
    make_book()
    with django_assert_max_num_queries(11) as queries:
        post_json(program, {"language": "eng"})
    assert not [query for query in queries if '"library_book"' in query["sql"]]
