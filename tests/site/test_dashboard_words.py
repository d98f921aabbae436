"""The words of the list of tasks: its filters, what is chosen, and what became of it."""

from __future__ import annotations

import pytest

from brokerless.dashboard.actions import FINISHED, UNFINISHED, WORDS, Outcome
from brokerless.dashboard.selected_words import left_out_sentences
from brokerless.models import TaskState
from tests.site.page_parts import Page


def left_out(*found: tuple[str, str]) -> str:
    return left_out_sentences(
        [Outcome(TaskState(title=title), reason, str(WORDS[reason])) for title, reason in found]
    )


def test_one_that_is_left_out_is_named_with_the_reason():
    assert left_out(("Books", FINISHED)) == "Books: Finished already."


def test_many_that_are_left_out_are_one_sentence_for_each_reason():
    found = [("Books", FINISHED), ("Nap", UNFINISHED), *[("Load", FINISHED)] * 4]
    assert left_out(*found) == ("6 tasks were left out. Finished already: Load ×4; Books. Not finished yet: Nap.")


def test_of_more_titles_the_first_are_named():
    found = [(f"Nap {number}", FINISHED) for number in range(11)]
    assert left_out(*found) == ("11 tasks were left out. Finished already: Nap 0; Nap 1; Nap 2 and 8 more.")


def test_nothing_ticked_is_said_as_a_warning_and_what_was_done_is_not(browser, make_task, ann):
    task = make_task(ann)
    nothing = browser.post("/tasks/selected", {"action": "cancel"}, follow=True).content.decode()
    assert '<li class="bl-message bl-message-warning">No task is selected.</li>' in nothing
    done = browser.post("/tasks/selected", {"action": "cancel", "tasks": task.pk, "confirmed": "1"}, follow=True)
    assert '<li class="bl-message bl-message-success">1 task is being cancelled.</li>' in done.content.decode()


@pytest.mark.parametrize(("name", "shown"), [("status", "DONE"), ("period", "year")])
def test_a_wrong_choice_is_told_to_a_person_without_the_names_that_programs_use(browser, program, name, shown):
    text = browser.get(f"/tasks/?{name}={shown}").content.decode()
    assert "Correct the filters marked in red." in text
    assert f"There is no “{shown}” here: choose from the list." in text
    assert "READY (" not in text
    [told] = program.get(f"/tasks/?{name}={shown}").json()["errors"][name]
    assert ("READY (Waiting)" in told, "day (Last 24 hours)" in told) == (name == "status", name == "period")


def test_a_wrong_moment_is_told_with_a_right_one(browser):
    text = browser.get("/tasks/?since=x").content.decode()
    assert "Enter a date and a time, as in 2026-11-21T14:30." in text


def test_the_filters_of_time_are_told_apart_by_their_labels(browser):
    text = browser.get("/tasks/").content.decode()
    for name, label in (("period", "When"), ("since", "Asked for since"), ("until", "Asked for until")):
        assert f'<label for="filter_{name}">{label}</label>' in text


def test_the_box_of_all_is_the_script_s_in_the_head_and_the_server_s_without_one(browser, make_task, ann):
    make_task(ann)
    text = browser.get("/tasks/").content.decode()
    head, _, rest = text.partition("<tbody")
    [box] = Page(text).find("input", id="all")
    assert ("data-all" in box, "name" in box) == (True, False)  # never sent
    assert '<span data-part="all" hidden><input type="checkbox" data-all' in head
    assert '<noscript><input type="checkbox" name="all" value="1"' in rest
    [form] = Page(text).find("form", action="/tasks/selected")
    assert form["autocomplete"] == "off"


@pytest.mark.parametrize("frame", ["the site's", "the product's"])
def test_the_first_link_of_a_page_skips_to_its_content(browser, settings, frame):
    if frame == "the product's":
        settings.TEMPLATES = [settings.TEMPLATES[0] | {"DIRS": []}]
    page = Page(browser.get("/tasks/").content.decode())
    assert page.find("a")[0] == {"class": "bl-unseen bl-button", "href": "#content"}
    assert page.count("main", id="content") == 1
