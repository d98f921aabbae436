"""Every page, in every status, says nothing in English only."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.utils import timezone

from brokerless import conf, failure_mails
from brokerless.arguments import load_command
from brokerless.exports.formats.layout import FORMATS
from brokerless.exports.registry import all_exporters
from brokerless.models import TaskState
from brokerless.runtime_dir import TaskFiles
from library.statistics import recompute_statistics
from tests.exporting.making import make_book
from tests.languages.untranslated import PageTexts, mark_translations, untranslated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
PAGES = {200, 400, 403, 404, 409, 410, 422}
# Data is in Greek. Names, units and formats are the same in every language.
NAMES = (
    "export_books", "export_authors", "generate_books", "load_books", "default", "exports", "statistics",
    "ValueError", "SIGKILL", "Id", "ISBN", "SHA-256", "CSV", "TSV", "JSON Lines", "JSON", "Excel", "XLSX",
    "Parquet", "gzip", "UTC", "Deutsch", "English", "example.org",
    *FORMATS,
    *(column.name for each in all_exporters() for column in each.get_columns()),
    *(column.header for each in all_exporters() for column in each.get_columns()),
    *(column.header.capitalize() for each in all_exporters() for column in each.get_columns()),
)  # fmt: skip


@pytest.fixture
def boss(person, monkeypatch) -> User:
    user = person("άννα", is_staff=True, is_superuser=True)
    User.objects.update(email="77@example.org")
    mark_translations(monkeypatch)
    return user


@pytest.fixture
def page_of(boss, browser_of):
    """Return the function that gives a page as somebody sees it who may do everything."""
    browser = browser_of(boss)

    def get(url, form=None, **keywords):
        response = browser.get(url, **keywords) if form is None else browser.post(url, form, **keywords)
        assert response.status_code in PAGES, (url, response.status_code)
        return response.content.decode()

    return get


def assert_translated(page: str, data: Iterable[str] = ()) -> None:
    assert "⟦" in page
    # Django's own, which it does not translate.
    page = page.replace('alt="Search"', "").replace('alt="True"', "").replace('alt="False"', "")
    found = PageTexts(page).untranslated(data=(*NAMES, *data))
    assert found == [], [line.strip() for line in page.splitlines() if any(word in line for word in found)]


ENDED = {"started_at": NOW, "finished_at": NOW + dt.timedelta(seconds=4000), "host": "ξένος/1", "cpu_seconds": 1.5}
GOING = {"started_at": NOW, "host": "ξένος/1", "progress_unit": "βιβλία", "progress_message": "μέρος"}
FILE = {"download": "/exports/", "name": "βιβλία.α", "rows": 7, "bytes": 7, "sha256": "77", "mailed_to": ["ά@β"]}
EARLIER = {
    "errors": [{"attempt": 1, "lease": 1, "type": "lost", "title": "λάθος"}],
    "attempt": 2,
    "max_attempts": 3,
}
NOTICES = {"notices": [{"number": 1, "at": NOW.isoformat(), "text": "μισό"}], "notices_count": 1}
LOST = "The process that watched the command is gone; nobody knows how the command ended."
TASKS = {
    "waiting": {"status": "READY"},
    "waiting for its time": {"status": "READY", "run_after": NOW + dt.timedelta(days=9999)},
    "waiting again": {"status": "READY", **EARLIER, "run_after": NOW + dt.timedelta(days=9999)},
    "starting": {"status": "STARTING", **EARLIER, "claimed_at": NOW, "host": "ξένος/1"},
    "running": {"status": "RUNNING", **GOING, **NOTICES},
    "running on": {
        "status": "RUNNING", **GOING, **EARLIER,
        "progress_current": 7_000, "progress_total": 70_000, "progress_rate": 7.5,
    },
    "cancelling": {"status": "RUNNING", **GOING, "progress_current": 7, "cancel_requested_at": NOW},
    "successful": {"status": "SUCCESSFUL", **ENDED, **NOTICES, "progress_current": 7, "progress_unit": "βιβλία"},
    "a file": {"status": "SUCCESSFUL", **ENDED, "result": FILE | {"expires_at": "9999-01-01T00:00:00Z"}},
    "a file once": {"status": "SUCCESSFUL", **ENDED, "result": FILE | {"expires_at": "2026-01-01T00:00:00Z"}},
    "an empty file": {"status": "SUCCESSFUL", **ENDED, "result": FILE | {"rows": 0, "details": "/exports/"}},
    "failed": {
        "status": "FAILED", **ENDED, **EARLIER, "progress_current": 7, "progress_total": 70, "exit_code": 1,
        "error_type": "ValueError", "error_title": "λάθος", "error_detail": "ίχνος", "peak_memory": 7_000_000,
    },
    "killed": {
        "status": "FAILED", **ENDED, "exit_signal": 9,
        "error_type": "killed-by-signal", "error_title": "The command was killed by signal 9 (SIGKILL).",
    },
    "cancelled": {"status": "CANCELLED", **ENDED, "cancel_requested_at": NOW},
    "lost": {"status": "LOST", **ENDED, "error_type": "lost", "error_title": LOST},
}  # fmt: skip


@pytest.fixture
def make(make_task, boss):
    def make_one(**values) -> TaskState:
        usual = {"title": "Βιβλία", "lease": 1, "heartbeat_at": timezone.now(), "options": {"q": "ε"}}
        return make_task(boss, **usual | values)

    return make_one


@pytest.mark.parametrize("kind", TASKS)
def test_a_task_s_page_and_the_admin_s_say_nothing_in_english_only(make, page_of, boss, kind):
    values = TASKS[kind]
    task = make(**values, **({"cancel_requested_by": boss} if values["status"] == "CANCELLED" else {}))
    files = TaskFiles(task.pk, task.lease)
    files.create_directory()
    files.log.write_text("English")
    assert_translated(page_of(f"/tasks/{task.pk}/"))
    assert_translated(page_of(f"/admin/brokerless/taskstate/{task.pk}/change/"))


def test_lists_say_nothing_in_english_only(make, page_of):
    pages = [
        "/tasks/",
        "/tasks/?status=?",
        "/admin/brokerless/taskstate/",
        "/admin/brokerless_exports/exportfile/",
    ]
    for url in pages:
        assert_translated(page_of(url))
    for values in TASKS.values():
        make(**values)
    for url in pages:
        assert_translated(page_of(url))
    assert_translated(page_of("/admin/"))


def test_what_is_done_with_tasks_says_nothing_in_english_only(make, page_of):
    waiting, failed = make(status="READY"), make(status="FAILED", **ENDED)
    assert_translated(page_of(f"/tasks/{failed.pk}/cancel", {}))
    assert_translated(page_of(f"/tasks/{waiting.pk}/retry", {}))
    assert_translated(page_of(f"/tasks/{failed.pk}/retry", {}, follow=True))
    assert_translated(page_of(f"/tasks/{waiting.pk}/cancel", {}, follow=True))
    for action in ("cancel", "retry", "delete"):
        keys = [str(key) for key in TaskState.objects.values_list("pk", flat=True)]
        assert_translated(page_of("/tasks/selected", {"action": action, "task": keys}, follow=True))
    assert_translated(page_of("/tasks/00000000-0000-0000-0000-000000000000/"))


def test_the_admin_s_actions_say_nothing_in_english_only(make, page_of, make_file, boss):
    tasks, files = "/admin/brokerless/taskstate/", "/admin/brokerless_exports/exportfile/"
    record = make_file(boss, title="Βιβλία", sha256="77", name="βιβλία.α")
    for url in (tasks, files):
        names = ("cancel_selected", "retry_selected", "delete_selected") if url == tasks else ("x",)
        for name in names:
            keys = [str(make(status=status, **ENDED).pk) for status in ("READY", "FAILED", "RUNNING")]
            form = {"action": name, "_selected_action": keys if url == tasks else [str(record.pk)]}
            for more in ({}, {"post": "yes"}):
                assert_translated(page_of(url, form | more, follow=True))


def test_launching_in_the_admin_says_nothing_in_english_only(page_of):
    # What a command says of itself is its author's.
    helps = {text for name in conf.settings.ADMIN_COMMANDS for text in helps_of(name)}
    launch = "/admin/brokerless/taskstate/launch/"
    assert_translated(page_of(launch), helps)
    for name in conf.settings.ADMIN_COMMANDS:
        assert_translated(page_of(f"{launch}{name}/"), helps)
        assert_translated(page_of(f"{launch}{name}/", {}), helps)


def helps_of(name: str) -> Iterator[str]:
    command = load_command(name)
    yield from (command.help, name.replace("_", " ").capitalize())
    parser = command.create_parser("manage.py", name)
    for action in parser._actions:
        yield from (parser._get_formatter()._expand_help(action), *map(str, action.choices or ()))
        for name in (action.dest, *action.option_strings):
            yield from (name, name.strip("-").replace("-", " ").replace("_", " ").capitalize())


def test_exports_say_nothing_in_english_only(make, page_of, make_file, boss):
    make_book("Ιλιάς", author="Όμηρος")
    for url in ("/exports/books/", "/exports/authors/"):
        assert_translated(page_of(url))
    assert_translated(page_of("/exports/books/", {"published_after": "x", "columns": "?", "format": "?"}))
    assert_translated(page_of("/exports/books/", {"language": "grc"}, follow=True))
    record = make_file(boss, title="Βιβλία", sha256="77", name="βιβλία.α")
    assert_translated(page_of(f"/exports/files/{record.pk}/about/"))
    assert_translated(page_of(f"/admin/brokerless_exports/exportfile/{record.pk}/change/"))
    assert_translated(page_of("/exports/shared/nothing/"))


def test_the_site_s_own_pages_say_nothing_in_english_only(page_of, visitor):
    make_book("Ιλιάς", author="Όμηρος", language="")
    assert_translated(page_of("/authors/"))
    recompute_statistics()
    for url in ("/books/", "/books/?q=?", "/books/?page=9", "/authors/", "/books/generate/", "/books/export/"):
        assert_translated(page_of(url))
    assert_translated(page_of("/books/generate/", {"count": "x"}))
    assert_translated(page_of("/authors/recompute/", {}, follow=True))
    assert_translated(visitor.get("/login/").content.decode())
    assert_translated(visitor.post("/login/", {"username": "x", "password": "x"}).content.decode())


def test_answers_for_programs_say_nothing_in_english_only(make, program_of, boss):
    program, failed = program_of(boss), make(status="FAILED", **ENDED)
    body = program.get(f"/tasks/{failed.pk}/").json()
    assert untranslated(body["status_label"]) == []
    for response in (
        program.post(f"/tasks/{failed.pk}/cancel"),
        program.get("/tasks/00000000-0000-0000-0000-000000000000/"),
        program.get("/tasks/status?task=x"),
        program.post("/tasks/selected", {"action": "x"}, content_type="application/json"),
        program.get(f"/tasks/{failed.pk}/log?attempt=7"),
        program.post("/exports/books/", {"x": "x"}, content_type="application/json"),
        program_of(None).get(f"/tasks/{failed.pk}/"),
    ):
        problem = response.json()
        assert response.status_code >= 400
        assert untranslated(problem["title"]) == untranslated(problem.get("detail", "")) == []


def test_a_mail_about_a_failure_says_nothing_in_english_only(make, settings, boss):
    settings.BROKERLESS = settings.BROKERLESS | {"NOTIFY_FAILURES": ["owner"]}
    make(**TASKS["killed"])
    (message,) = failure_mails._written(TaskState.objects.get())
    assert untranslated(message.subject) == []
    lines = re.sub(r"https?://\S+", "", message.body)
    assert untranslated(lines, data=NAMES) == []
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ("<p>⟦Done⟧</p>", []),
        ("<p>Done</p>", ["Done"]),
        ("<p>⟦As of <time>May</time>⟧</p>", []),
        ("<p>⟦By ⟦him⟧⟧ and</p>", ["and"]),
        ("<p title='Done'></p><code>x = 1</code>", ["Done"]),
        ("<x-y data-text-lost='Lost' data-url='/tasks/'></x-y>", ["Lost"]),
        ("<input type=submit value=Send><input type=text value=Sent>", ["Send"]),
        ("<option value=all>All</option>", ["All"]),
        ("<title>⟦Tasks⟧ – default</title>", []),
    ],
)
def test_what_is_looked_for_would_be_found(page, found):
    assert PageTexts(page).untranslated(data=NAMES) == found
