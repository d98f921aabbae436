"""Launching commands in the admin: by whom, which, and what is recorded."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.models import LogEntry

from brokerless.dashboard.selected_words import done_already
from brokerless.models import TaskState
from tests.site.admin_parts import CANCEL, CHANGE, LAUNCH, LAUNCH_COMMANDS, RETRY, TASKS, VIEW, hidden, said
from tests.site.conftest import client_of
from tests.site.page_parts import Page

GENERATE = f"{LAUNCH}generate_books/"
SENT = {"command-count": "5", "task-queue": "default", "task-title": "A few books"}


@pytest.fixture
def launcher(admin_of):
    return admin_of(VIEW, LAUNCH_COMMANDS)


@pytest.fixture
def allow(settings):
    """Return the function that has these commands be launched in the admin."""

    def make(*names: str) -> None:
        settings.BROKERLESS = settings.BROKERLESS | {"ADMIN_COMMANDS": list(names)}

    return make


def test_the_commands_are_listed_with_what_they_say(launcher, allow):
    allow("generate_books", "tasks")
    assert f'href="{LAUNCH}"' in launcher.get(TASKS).content.decode()
    text = launcher.get(LAUNCH).content.decode()
    assert f'href="{GENERATE}"' in text
    assert "Create invented books" in text
    assert f'href="{LAUNCH}tasks/"' not in text
    assert "It cannot be launched here: it has subcommands" in text


def test_from_the_form_over_what_will_run_to_the_task(launcher):
    assert 'name="command-count"' in launcher.get(GENERATE).content.decode()
    asked = launcher.post(GENERATE, SENT | {"command-seed": "7"})
    assert "manage.py generate_books --seed=7 5" in asked.content.decode()
    assert not TaskState.objects.exists()
    response = launcher.post(GENERATE, hidden(asked) | {"_launch": "1"}, follow=True)
    task = TaskState.objects.get()
    assert (task.command, task.arguments, task.options) == ("generate_books", [5], {"seed": 7})
    assert (task.title, task.owner.username, task.queue) == ("A few books", "boss", "default")
    assert response.redirect_chain == [(f"{TASKS}{task.pk}/change/", 302)]
    assert said(response) == ["Launched: A few books"]
    entry = LogEntry.objects.get()
    assert (entry.is_addition(), entry.object_id) == (True, str(task.pk))
    assert "manage.py generate_books --seed=7 5" in entry.get_change_message()


def test_a_button_that_is_pressed_twice_launches_once(launcher):
    sent = hidden(launcher.post(GENERATE, SENT)) | {"_launch": "1"}
    launcher.post(GENERATE, sent)
    response = launcher.post(GENERATE, sent, follow=True)
    assert response.redirect_chain == [(TASKS, 302)]
    assert said(response)[-1] == str(done_already())
    # Nor does it when what it has launched is over.
    TaskState.objects.update(status=TaskState.Status.SUCCESSFUL, unique_key=None)
    launcher.post(GENERATE, sent)
    assert TaskState.objects.count() == LogEntry.objects.count() == 1
    launcher.post(GENERATE, hidden(launcher.post(GENERATE, SENT)) | {"_launch": "1"})
    assert TaskState.objects.count() == 2


def test_of_two_presses_at_the_same_moment_the_second_joins_the_first(launcher, monkeypatch):
    sent = hidden(launcher.post(GENERATE, SENT)) | {"_launch": "1"}
    monkeypatch.setattr("brokerless.once.take", lambda request: True)
    launcher.post(GENERATE, sent)
    response = launcher.post(GENERATE, sent, follow=True)
    assert said(response)[-1] == "It has been launched already: A few books"
    assert TaskState.objects.count() == LogEntry.objects.count() == 1


def test_who_wants_to_change_something_finds_the_form_filled_in(launcher):
    text = launcher.post(GENERATE, SENT | {"_change": "1"}).content.decode()
    assert re.search(r'name="command-count" value="5"', text)
    assert not TaskState.objects.exists()


def test_a_queue_of_the_settings_is_chosen_and_another_is_refused(launcher, settings):
    settings.BROKERLESS = settings.BROKERLESS | {"QUEUES": {"nightly": {"timeout": 60}}}
    assert "60 seconds" in launcher.post(GENERATE, SENT | {"task-queue": "nightly"}).content.decode()
    launcher.post(GENERATE, SENT | {"task-queue": "nightly", "_launch": "1"})
    assert TaskState.objects.get().timeout == 60
    response = launcher.post(GENERATE, SENT | {"task-queue": "other", "_launch": "1"})
    assert "Select a valid choice" in response.content.decode()
    assert TaskState.objects.count() == 1


def test_too_many_tasks_are_told(launcher, settings):
    settings.BROKERLESS = settings.BROKERLESS | {"MAX_UNFINISHED_PER_OWNER": 1}
    launcher.post(GENERATE, SENT | {"_launch": "1"})
    response = launcher.post(GENERATE, SENT | {"_launch": "1"})
    assert response.status_code == 429
    assert said(response)[-1].startswith("You have 1 unfinished task, as many as are allowed.")
    assert TaskState.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("command-count", "; rm -rf /", "is not a whole number"),
        ("command-count", "--settings=x", "is not a whole number"),
        ("command-count", "0", "is not a whole number"),
        ("command-count", "", "This field is required"),
        ("command-count", "5\0", "Null characters are not allowed"),
        ("command-seed", "9" * 20_000, "at most 10000 characters"),
        ("command-seed", "<script>", "&lt;script&gt;"),
        ("command-verbosity", "9", "Select a valid choice"),
        ("task-title", "x" * 201, "at most 200 characters"),
    ],
)
def test_what_the_command_does_not_take_is_told_and_never_launched(launcher, name, value, message):
    response = launcher.post(GENERATE, SENT | {name: value, "_launch": "1"})
    text = response.content.decode()
    assert response.status_code == 422
    assert message in text
    assert "<script>" not in text
    assert not TaskState.objects.exists()


@pytest.mark.parametrize("value", ["; rm -rf /", "$(id)", "--settings=x", "-x", "'\"\\", "a\nb", "x" * 10_000])
def test_hostile_values_are_values_and_nothing_else(launcher, value):
    url, sent = f"{LAUNCH}export_books/", {"command-q": value, "task-queue": "default"}
    asked = launcher.post(url, sent)
    assert asked.status_code == 200
    launcher.post(url, sent | {"_launch": "1"})
    task = TaskState.objects.get()
    assert (task.arguments, task.options) == ([], {"q": value})


def test_the_form_of_an_export_has_its_labels_its_formats_and_its_queue(launcher, settings):
    settings.BROKERLESS = settings.BROKERLESS | {"QUEUES": {"slow": {}}}
    for queue in ("slow", "unknown"):
        settings.EXPORTS = settings.EXPORTS | {"QUEUE": queue}
        page = Page(launcher.get(f"{LAUNCH}export_books/").content.decode())
        chosen = [option["value"] for option in page.find("option") if "selected" in option]
        assert chosen[-1] == ("slow" if queue == "slow" else "default")
    text = launcher.get(f"{LAUNCH}export_books/").content.decode()
    for name, label in (("q", "Search"), ("bom", "Byte order mark"), ("guard", "No guard against formulas")):
        assert re.search(rf'<label[^>]* for="id_command-{name}"[^>]*>\s*{label}', text), name
    assert page.count("select", name="command-format") == 1
    assert page.count("option", value="xlsx") == 1


@pytest.mark.parametrize("name", ["output", "admin_selection", "settings", "pythonpath"])
def test_what_has_no_field_is_not_launched_with(launcher, name):
    url = f"{LAUNCH}export_books/"
    assert f'name="command-{name}"' not in launcher.get(url).content.decode()
    launcher.post(url, {f"command-{name}": "/tmp/x", "task-queue": "default", "_launch": "1"})
    assert TaskState.objects.get().options == {}


@pytest.mark.parametrize("name", ["load_books", "migrate", "nope", "tasks", "generate_books%00", ".."])
def test_a_command_that_the_settings_do_not_name_is_not_found(launcher, name):
    url = f"{LAUNCH}{name}/"
    assert launcher.get(url).status_code == 404
    assert launcher.post(url, SENT | {"_launch": "1", "command-sample": "on"}).status_code == 404
    assert not TaskState.objects.exists()


def test_without_such_commands_there_is_no_button_and_no_page(launcher, allow):
    allow()
    assert LAUNCH not in launcher.get(TASKS).content.decode()
    assert launcher.get(LAUNCH).status_code == 404
    assert launcher.post(GENERATE, SENT | {"_launch": "1"}).status_code == 404


def test_without_the_permission_there_is_no_button_and_no_page(admin_of):
    browser = admin_of(VIEW, CHANGE, CANCEL, RETRY, "add_taskstate")
    assert LAUNCH not in browser.get(TASKS).content.decode()
    for url in (LAUNCH, GENERATE, f"{LAUNCH}migrate/"):
        assert browser.get(url).status_code == 403
    assert browser.post(GENERATE, SENT | {"_launch": "1"}).status_code == 403
    assert not TaskState.objects.exists()


def test_who_is_no_staff_is_sent_to_log_in(person):
    browser = client_of(person("eve", VIEW, LAUNCH_COMMANDS))
    for url in (LAUNCH, GENERATE):
        assert "/admin/login/" in browser.get(url)["Location"]
    assert "/admin/login/" in browser.post(GENERATE, SENT | {"_launch": "1"})["Location"]
    assert not TaskState.objects.exists()


def test_nothing_is_launched_without_the_forms_token(person):
    boss = person("boss", VIEW, LAUNCH_COMMANDS, is_staff=True)
    browser = client_of(boss, enforce_csrf_checks=True)
    assert browser.post(GENERATE, SENT | {"_launch": "1"}).status_code == 403
    assert not TaskState.objects.exists()


def test_who_may_launch_and_not_see_is_led_back_to_the_commands(admin_of):
    response = admin_of(LAUNCH_COMMANDS).post(GENERATE, SENT | {"_launch": "1"}, follow=True)
    assert response.redirect_chain == [(LAUNCH, 302)]
    assert TaskState.objects.count() == 1


@pytest.mark.parametrize(
    ("value", "said_of_it"),
    [
        ("[" * 9_000, "Enter a valid JSON"),
        ("[" * 900 + "]" * 900, "Enter a valid JSON"),
        ("7" * 5_000, "Enter a valid JSON"),
        ('"\\ud800"', "Enter a valid JSON"),
        ("[1]" + " " * 10_000, "At most 10000 characters"),
    ],
)
def test_json_that_nothing_can_keep_is_a_mistake_like_another(launcher, allow, value, said_of_it):
    allow("options_probe")
    sent = {"command-first": "x", "command-filters": value, "task-queue": "default"}
    response = launcher.post(f"{LAUNCH}options_probe/", sent)
    assert response.status_code == 422
    assert said_of_it in response.content.decode()


def test_a_command_whose_options_have_no_fields_takes_its_words(launcher, allow):
    allow("odd_probe")
    url = f"{LAUNCH}odd_probe/"
    assert "Its options have no fields of their own" in launcher.get(url).content.decode()
    sent = {"command-words": "'a b' c", "task-queue": "default"}
    assert "manage.py odd_probe &#x27;a b&#x27; c" in launcher.post(url, sent).content.decode()
    evil = sent | {"command-words": "--settings=x", "_launch": "1"}
    assert "unrecognized arguments: --settings=x" in launcher.post(url, evil).content.decode()
    assert not TaskState.objects.exists()
