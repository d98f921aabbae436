"""Searching the list: titles, commands, ids and owners, as text and never as a pattern."""

from __future__ import annotations

import pytest

KEY = "3f0c9a1e-1111-4222-8333-abcdefabcdef"


@pytest.fixture
def found(program):
    def search(text, client=program):
        response = client.get("/tasks/", {"q": text})
        assert response.status_code == 200, response.content
        return sorted(task["title"] for task in response.json()["tasks"])

    return search


@pytest.fixture(autouse=True)
def _some_tasks(make_task, ann, bob):
    make_task(ann, title="Books, 100 % of them", command="export_books")
    make_task(ann, title="Authors_all", command="load_authors")
    make_task(ann, title="by id", command="load_authors", id=KEY)
    make_task(bob, title="Books of bob", id=KEY.replace("3f0c9a1e", "3f0c9a1f"))


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("books", ["Books, 100 % of them"]),
        ("LOAD_AUTH", ["Authors_all", "by id"]),
        ("0 %", ["Books, 100 % of them"]),
        ("%", ["Books, 100 % of them"]),
        ("s_a", ["Authors_all"]),
        ("_", ["Authors_all", "Books, 100 % of them", "by id"]),  # in the commands' names, too
        ("\\", []),
        ("' OR 1=1 --", []),
        ("  books  ", ["Books, 100 % of them"]),
        ("nothing", []),
        ("ann", []),
    ],
)
def test_a_piece_of_title_or_command_finds_a_task(found, text, titles):
    assert found(text) == titles


@pytest.mark.parametrize("text", [KEY, KEY.upper(), KEY.replace("-", ""), KEY[:8], KEY[:9], KEY[:14], KEY[:-1]])
def test_an_id_or_its_beginning_finds_the_task(found, text):
    assert found(text) == ["by id"]


@pytest.mark.parametrize("text", [KEY[:7], KEY[1:12], KEY.replace("3f0c9a1e", "3f0c9a1f"), "3f0c9a1f", KEY + "0"])
def test_anything_less_and_the_ids_of_others_find_nothing(found, text):
    assert found(text) == []


def test_a_title_that_looks_like_the_beginning_of_an_id_is_found(found, make_task, ann):
    make_task(ann, title="of 20261121")
    assert found("20261121") == ["of 20261121"]


def test_staff_find_tasks_by_their_owners_among_those_that_they_see(found, program_of, person, staff):
    seer = program_of(person("seer", "view_taskstate", is_staff=True))
    assert found("bo", seer) == ["Books of bob", "Books, 100 % of them"]
    assert found("ann", seer) == ["Authors_all", "Books, 100 % of them", "by id"]
    assert found("ann", program_of(staff)) == []
    assert found("bob") == []


def test_what_a_search_finds_on_more_than_a_page_is_not_counted(program, make_task, ann):
    for _ in range(30):
        make_task(ann, title="needle")
    body = program.get("/tasks/?q=needle").json()
    assert (body["count"], body["has_more"], "q=needle" in body["links"]["older"]) == (None, True, True)
    assert program.get("/tasks/?q=Authors_all").json()["count"] == 1


def test_of_more_commands_than_are_looked_through_each_is_found(found, monkeypatch):
    monkeypatch.setattr("brokerless.dashboard.choices.MOST", 1)
    monkeypatch.setattr("brokerless.dashboard.filters.MOST", 1)
    assert found("export_b") == ["Books, 100 % of them"]
    assert found("LOAD_AUTH") == ["Authors_all", "by id"]
