"""The first steps of the tutorial on the site, and that the tutorial shows the site's own code."""

from __future__ import annotations

import csv
import io
import re
import shlex
from pathlib import Path

import pytest
from django.core.management import load_command_class

from library.export_views import HEADER
from tests.exporting.making import make_book
from tests.site.page_parts import Page

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()
SHOWN = re.findall(r"```python\n# (\S+\.py)\n(.+?)\n```", TUTORIAL, re.DOTALL)
TYPED = re.findall(r"^python manage\.py (export_\w+)(.*)$", TUTORIAL, re.MULTILINE)
WAYS = ["/books/export/blocking/", "/books/export/streaming/"]


@pytest.mark.parametrize(("path", "code"), SHOWN, ids=[f"{path}-{code[:25]}" for path, code in SHOWN])
def test_the_tutorial_shows_the_site_s_code(path, code):
    assert f"\n{code}\n" in (ROOT / path).read_text()


def test_every_step_has_code_of_the_site():
    assert {path for path, _ in SHOWN} == {
        "library/export_views.py",
        "exports/exporters.py",
        "library/management/commands/export_authors.py",
        "library/admin.py",
    }


@pytest.mark.parametrize(("command", "words"), TYPED)
def test_the_commands_of_the_tutorial_can_be_typed(command, words):
    parser = load_command_class("library", command).create_parser("manage.py", command)
    assert vars(parser.parse_args(shlex.split(words)))


def test_there_are_commands_in_the_tutorial():
    assert {command for command, _ in TYPED} == {"export_authors", "export_books"}


@pytest.mark.parametrize("url", WAYS)
def test_a_step_sends_every_book(browser, url):
    make_book('Ulysses, "the" book', published_year=1922)
    make_book("Emma", author="Jane Austen")
    response = browser.get(url)
    body = b"".join(response) if response.streaming else response.content
    header, *rows = csv.reader(io.StringIO(body.decode(), newline=""))
    assert header == HEADER
    assert [row[1:] for row in rows] == [
        ['Ulysses, "the" book', "James Joyce", "1922"],
        ["Emma", "Jane Austen", ""],
    ]
    assert response["Content-Disposition"] == 'attachment; filename="books.csv"'
    assert response.streaming == ("streaming" in url)


@pytest.mark.parametrize("url", [*WAYS, "/books/export/"])
def test_who_may_not_see_books_sees_none(person, browser_of, visitor, url):
    assert browser_of(person("eve")).get(url).status_code == 403
    assert visitor.get(url).url == f"/login/?next={url}"


def test_the_page_leads_to_every_way(browser):
    page = Page(browser.get("/books/export/").content.decode())
    assert page.refused == page.unclosed == []
    links = [link["href"] for link in page.find("a") if link.get("class", "").startswith("bl-button")]
    assert links == [*WAYS, "/exports/books/download/", "/exports/books/"]
    assert 'href="/books/export/"' in browser.get("/books/").content.decode()
    for link in links:
        response = browser.get(link)
        assert response.status_code == 200
        assert b"".join(response)
