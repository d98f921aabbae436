"""Format, columns, layout and recipients, chosen on the page and in JSON."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command

from brokerless.exports.models import ExportFile
from brokerless.exports.registry import get_exporter
from brokerless.models import TaskState
from tests.exporting.making import make_book
from tests.exporting.reading import stored_bytes
from tests.site.page_parts import Page

URL = "/exports/books/"
MAIL_TO_OTHERS = "mail_exports_to_others"


def post_json(client, body, url=URL):
    return client.post(url, json.dumps(body), content_type="application/json")


def the_options() -> dict:
    return TaskState.objects.get().options


@pytest.fixture
def boss(person):
    """Somebody who may mail files to others."""
    return person("boss", "view_book", MAIL_TO_OTHERS)


def fields_of(text: str) -> list[tuple[str, str]]:
    """Return what a browser would send of the page's form if it were sent untouched."""
    page = Page(text)
    sent = []
    for tag, values in page.elements:
        if tag == "input" and "name" in values:
            is_box = values.get("type") == "checkbox"
            if not is_box or "checked" in values:
                sent.append((values["name"], values.get("value") or ("on" if is_box else "")))
    return sent


@pytest.mark.parametrize(
    ("body", "options"),
    [
        ({"format": "xlsx"}, {"format": "xlsx"}),
        ({"format": "csv", "compress": "gzip", "guard": True, "bom": False, "delimiter": ","}, {}),
        ({"compress": "none", "language": "eng"}, {"compress": "none", "language": "eng"}),
        ({"columns": ["title", "pk"]}, {"columns": ["title", "pk"]}),
        ({"columns": "title"}, {"columns": ["title"]}),
        ({"columns": None}, {}),
        ({"delimiter": ";", "bom": True}, {"delimiter": "semicolon", "bom": True}),
        ({"guard": False}, {"guard": False}),
    ],
)
def test_json_chooses_by_name_and_only_what_is_not_as_usual_is_stored(program, body, options):
    assert post_json(program, body).status_code == 202
    assert the_options() == options


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"format": "xls"}, "format"),
        ({"format": 5}, "format"),
        ({"columns": ["publisher"]}, "columns"),
        ({"columns": []}, "columns"),
        ({"columns": {"title": True}}, "columns"),
        ({"compress": True}, "compress"),
        ({"delimiter": "x"}, "delimiter"),
        ({"bom": "yes"}, "bom"),
        ({"guard": 0}, "guard"),
        ({"format": "jsonl", "bom": True}, "bom"),
        ({"email": ["nobody"]}, "email"),
        ({"email": 5}, "email"),
        ({"email": [{"to": "x"}]}, "email"),
        ({"admin_selection": {"site": "admin", "query": ""}}, "admin_selection"),
        ({"selection": "all"}, "selection"),
    ],
)
def test_json_that_is_wrong_is_a_problem_beside_its_field(program, body, field):
    response = post_json(program, body | {"language": "eng"})
    assert response.status_code == 422
    assert list(response.json()["errors"]) == [field]
    assert all(text for text in response.json()["errors"][field])
    assert not TaskState.objects.exists()


def test_every_mistake_is_said_at_once(program):
    body = {"format": "x", "min_rating": 9, "email": "nobody", "publisher": "x"}
    assert set(post_json(program, body).json()["errors"]) == {"format", "min_rating", "email", "publisher"}


def test_the_page_as_it_is_exports_everything_as_usual(browser):
    fields = fields_of(browser.get(URL).content.decode())
    assert ("columns", "title") in fields
    data = {}
    for name, value in fields:
        data.setdefault(name, []).append(value)
    assert browser.post(URL, data | {"format": "csv", "compress": "", "delimiter": "comma"}).status_code == 303
    assert the_options() == {}


def sent_without(browser, name: str):
    """Send the page as it is, but with no box of that name ticked."""
    data = {"format": ["csv"], "delimiter": ["comma"]}
    page = browser.get(URL).content.decode()
    boxes = {(box["name"], box.get("value") or "on") for box in Page(page).find("input", type="checkbox")}
    for field, value in fields_of(page):
        if field != name or (field, value) not in boxes:
            data.setdefault(field, []).append(value)
    return browser.post(URL, data)


def test_a_box_that_is_ticked_by_default_can_be_unticked(browser):
    assert sent_without(browser, "guard").status_code == 303
    assert the_options() == {"guard": False}


def test_a_page_without_any_column_ticked_is_not_taken_for_one_with_all(browser):
    response = sent_without(browser, "columns")
    assert response.status_code == 422
    assert "Choose at least one column." in response.content.decode()


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ({"columns": ["", "title", "author__name"]}, {"columns": ["title", "author__name"]}),
        ({"format": "parquet", "compress": "", "delimiter": "comma"}, {"format": "parquet"}),
        ({"guard": ["false"]}, {"guard": False}),
        ({"guard": ["false", "on"]}, {}),
        ({"bom": "on"}, {"bom": True}),
        ({"delimiter": "tab", "compress": "none"}, {"delimiter": "tab", "compress": "none"}),
    ],
)
def test_the_form_s_choices_are_stored(browser, form, options):
    assert browser.post(URL, form).status_code == 303
    assert the_options() == options


@pytest.mark.parametrize(
    ("form", "field", "text"),
    [
        ({"columns": [""]}, "columns", "Choose at least one column."),
        ({"columns": ["", "publisher"]}, "columns", "There is no column “publisher”"),
        ({"format": "xls"}, "format", "There is no “xls”"),
        ({"format": "xlsx", "bom": "on"}, "bom", "Only a CSV file has it"),
    ],
)
def test_a_form_that_is_wrong_has_the_reason_beside_the_field(browser, form, field, text):
    response = browser.post(URL, {"author": "Joyce"} | form)
    page = response.content.decode()
    assert response.status_code == 422
    assert text in page.partition(f'id="id_{field}_error"')[2].partition("</ul>")[0].replace("&quot;", '"')
    assert 'value="Joyce"' in page
    assert not TaskState.objects.exists()


def test_what_was_chosen_is_chosen_again_when_the_form_is_shown_again(browser):
    form = {"min_rating": "9", "format": "tsv", "columns": ["", "title"], "guard": "false", "email_me": "on"}
    page = Page(browser.post(URL, form).content.decode())
    assert "selected" in page.find("option", value="tsv")[0]
    ticked = [box["value"] for box in page.find("input", name="columns", type="checkbox") if "checked" in box]
    assert ticked == ["title"]
    assert "checked" not in page.find("input", name="guard", type="checkbox")[0]
    assert "checked" in page.find("input", name="email_me")[0]
    (more,) = page.find("details")
    assert "open" in more


def test_a_query_fills_the_form_in(browser):
    page = Page(browser.get(URL + "?language=eng&format=xlsx&columns=title,pk&delimiter=;").content.decode())
    assert "selected" in page.find("option", value="xlsx")[0]
    assert "selected" in page.find("option", value="semicolon")[0]
    ticked = [box["value"] for box in page.find("input", name="columns", type="checkbox") if "checked" in box]
    assert ticked == ["pk", "title"]
    assert page.find("input", name="language")[0]["value"] == "eng"
    assert "open" in page.find("details")[0]


def test_the_page_untouched_shows_everything_as_usual_and_no_errors(browser):
    text = browser.get(URL).content.decode()
    page = Page(text)
    assert "errorlist" not in text
    assert all("checked" in box for box in page.find("input", name="columns", type="checkbox"))
    assert len(page.find("input", name="columns", type="checkbox")) == len(get_exporter("books").get_columns())
    assert "checked" in page.find("input", name="guard", type="checkbox")[0]
    assert "checked" not in page.find("input", name="bom")[0]
    assert "open" not in page.find("details")[0]


def test_a_format_that_cannot_be_written_here_is_not_offered(browser, monkeypatch):
    assert 'value="parquet"' in browser.get(URL).content.decode()
    monkeypatch.setattr("brokerless.exports.formats.libraries.find_spec", lambda module: None)
    assert 'value="parquet"' not in browser.get(URL).content.decode()


def test_other_addresses_are_for_those_with_the_permission(browser, program, ann):
    assert 'name="email"' not in browser.get(URL).content.decode()
    response = post_json(program, {"email": ["ben@example.org"]})
    assert response.status_code == 422
    assert "mail_exports_to_others" in response.json()["errors"]["email"][0]
    assert not TaskState.objects.exists()
    # Their own they may name.
    assert post_json(program, {"email": "ann@example.org"}).status_code == 202
    assert the_options() == {"email": ["ann@example.org"]}


def test_with_the_permission_others_are_mailed_to(boss, browser_of):
    browser = browser_of(boss)
    assert 'name="email"' in browser.get(URL).content.decode()
    browser.post(URL, {"email_me": "on", "email": "ben@example.org, Boss@example.org;\n cid@example.org,"})
    assert the_options() == {"email": ["boss@example.org", "ben@example.org", "cid@example.org"]}


def test_too_many_addresses_are_refused_beside_the_field(boss, program_of, settings):
    settings.EXPORTS = settings.EXPORTS | {"MAX_RECIPIENTS": 2}
    program = program_of(boss)
    addresses = [f"a{number}@example.org" for number in range(3)]
    assert list(post_json(program, {"email": addresses}).json()["errors"]) == ["email"]
    assert post_json(program, {"email": addresses[:2]}).status_code == 202


def test_the_same_wish_put_in_other_words_joins_the_task(program):
    bodies = [
        {"language": "eng"},
        {"language": "eng", "format": "csv", "compress": "gzip", "guard": "true"},
        {"language": "eng", "columns": [column.name for column in get_exporter("books").get_columns()]},
    ]
    assert len({post_json(program, body).json()["id"] for body in bodies}) == 1
    assert post_json(program, {"language": "eng", "format": "tsv"}).status_code == 202
    assert TaskState.objects.count() == 2


def test_a_full_quota_is_said_before_anything_starts(program, browser, settings, make_file, ann):
    make_file(ann, bytes=5_000)
    settings.EXPORTS = settings.EXPORTS | {"OWNER_QUOTA": 5_000}
    response = post_json(program, {})
    assert response.status_code == 507
    assert response.json()["detail"]
    assert browser.post(URL).status_code == 507
    assert not TaskState.objects.exists()


@pytest.mark.parametrize(
    "options",
    [
        {"columns": ["title", "pk"], "delimiter": "semicolon", "compress": "none"},
        {"columns": ["title", "pk"], "delimiter": "tab", "bom": True, "guard": False},
    ],
)
def test_the_command_understands_what_the_view_stored(program, options):
    make_book("=1+1")
    assert post_json(program, options).status_code == 202
    assert the_options() == options
    call_command("export_books", verbosity=0, **the_options())
    record = ExportFile.objects.get()
    assert record.columns == ["title", "pk"]
    assert stored_bytes(record)


def test_the_second_exporter_has_a_page_and_json_too(person, browser_of, program_of):
    dora = person("dora", "view_author")
    page = browser_of(dora).get("/exports/authors/").content.decode()
    assert 'name="min_books"' in page
    assert 'value="decades"' in page
    response = program_of(dora).post(
        "/exports/authors/",
        json.dumps({"min_books": 2, "columns": ["name", "books"]}),
        content_type="application/json",
    )
    assert response.status_code == 202
    task = TaskState.objects.get()
    assert (task.command, task.title) == ("export_authors", "Authors, with 2 books or more")
    assert task.options == {"min_books": "2", "columns": ["name", "books"]}
    assert browser_of(dora).get(URL).status_code == 403
