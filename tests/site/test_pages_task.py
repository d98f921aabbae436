"""The page of a task, for people with and without JavaScript."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from brokerless.models import TaskState
from brokerless.runtime_dir import TaskFiles
from tests.site.page_parts import Page

Status = TaskState.Status


@pytest.fixture
def show(browser, make_task, ann):
    """Return the function that makes a task of Ann's and gives its page and the text of it."""

    def shown(query: str = "", **values) -> tuple[Page, str]:
        now = timezone.now()
        usual = {"host": "another", "heartbeat_at": now, "claimed_at": now}
        text = browser.get(f"/tasks/{make_task(ann, **usual | values).pk}/{query}").content.decode()
        return Page(text), text

    return shown


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status.READY, "The task waits for a free place and starts by itself."),
        (Status.STARTING, "The task is about to run."),
        (Status.SUCCESSFUL, "Done."),
        (Status.FAILED, "the reason"),
        (Status.CANCELLED, "The task was cancelled."),
        (Status.LOST, "Look at what the task was to do before you start it again"),
    ],
)
def test_each_status_is_put_in_words(show, status, words):
    _, text = show(status=status, error_type="E", error_title="the reason")
    assert words in text
    assert f">{status.label}</p>" in text


@pytest.mark.parametrize("status", sorted(set(Status) - TaskState.FINISHED))
def test_an_unfinished_task_can_be_cancelled_by_a_plain_form(show, status):
    page, text = show(status=status)
    (_form,) = [form for form in page.find("form", method="post") if form["action"].endswith("/cancel")]
    assert page.count("input", name="csrfmiddlewaretoken") >= 1
    assert 'http-equiv="refresh" content="10"' in text


@pytest.mark.parametrize("status", sorted(TaskState.FINISHED))
def test_a_finished_task_is_neither_cancelled_nor_loaded_again(show, status):
    page, text = show(status=status)
    assert not [form for form in page.find("form") if form["action"].endswith("/cancel")]
    assert "http-equiv" not in text


def test_a_task_that_is_asked_to_stop_says_so(show):
    page, text = show(status=Status.RUNNING, cancel_requested_at=timezone.now())
    assert "Cancelling" in text
    assert page.count("task-progress", data_cancelling="true") == 1
    assert not [form for form in page.find("form") if form["action"].endswith("/cancel")]


def test_loading_again_can_be_stopped(show):
    _page, text = show("?refresh=off", status=Status.RUNNING)
    assert "http-equiv" not in text
    assert "Reload" in text


def test_the_bar_has_a_label_and_a_value(show):
    page, _ = show(status=Status.RUNNING, progress_current=1, progress_total=4, progress_message="Writing")
    (bar,) = page.find("progress")
    assert (bar["max"], bar["value"]) == ("100", "25")
    assert page.count("label", **{"for": bar["id"]}) == 1


@pytest.mark.parametrize("values", [{}, {"progress_current": 5}])
def test_a_bar_without_a_total_has_no_value(show, values):
    page, _ = show(status=Status.RUNNING, **values)
    (bar,) = page.find("progress")
    assert "value" not in bar


@pytest.mark.parametrize("status", [Status.FAILED, Status.LOST])
def test_a_failure_is_announced_with_its_log(show, make_task, ann, browser, status):
    task = make_task(ann, status=status, lease=1, error_type="OSError", error_title="Out of paper")
    files = TaskFiles(task.pk, 1)
    files.create_directory()
    files.log.write_text("line 1\nout of paper\n")
    text = browser.get(f"/tasks/{task.pk}/").content.decode()
    assert '<p class="bl-error" role="alert">OSError: Out of paper</p>' in text
    assert '<span data-part="lines">line 1\nout of paper\n</span>' in text
    assert f'href="/tasks/{task.pk}/log"' in text
    assert '<details class="bl-log" open>' in text


def test_a_mail_that_failed_leaves_the_download_on_the_page(show):
    result = {"download": "/exports/files/1/", "rows": 2, "name": "books.csv.gz"}
    page, text = show(status=Status.FAILED, error_type="E", error_title="not sent", result=result)
    assert page.count("a", href="/exports/files/1/") == 1
    assert "not sent" in text


def test_a_success_has_its_download(show):
    result = {"download": "/exports/files/1/", "rows": 2, "bytes": 2048, "name": "books.csv.gz"}
    page, text = show(status=Status.SUCCESSFUL, result=result | {"mailed_to": ["ann@example.org"]})
    (link,) = page.find("a", href="/exports/files/1/")
    assert "download" in link
    assert "books.csv.gz" in text
    assert "2 rows" in text
    assert "Mailed to ann@example.org." in text


@pytest.mark.parametrize(
    "odd",
    [{"rows": "many"}, {"rows": [1]}, {"bytes": "big"}, {"mailed_to": 5}, {"name": {"a": 1}}, {"rows": None}],
)
def test_a_result_of_a_command_of_the_site_may_hold_anything(show, odd):
    page, _ = show(status=Status.SUCCESSFUL, result={"download": "/reports/1/"} | odd)
    assert page.count("a", href="/reports/1/") == 1


def test_who_cancelled_is_named(show, bob):
    _, text = show(status=Status.CANCELLED, cancel_requested_by=bob)
    assert "The task was cancelled by bob." in text


def test_the_page_is_in_the_reader_s_language(browser, make_task, ann):
    url = f"/tasks/{make_task(ann).pk}/"
    assert '<html lang="de">' in browser.get(url, headers={"Accept-Language": "de"}).content.decode()
    assert '<html lang="en">' in browser.get(url, headers={"Accept-Language": "fr"}).content.decode()


HALF_WAY = {"progress_current": 88_500, "progress_total": 400_000, "progress_unit": "books"}
STARTED = dt.datetime(2024, 5, 1, 12, 0, 1, tzinfo=dt.UTC)


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("status", [Status.FAILED, Status.LOST, Status.CANCELLED])
@pytest.mark.parametrize(
    ("progress", "said"),
    [
        (HALF_WAY, "Stopped at 22 %: 88,500 of 400,000 books<"),
        (HALF_WAY | {"progress_total": None}, "Stopped at 88,500 books<"),
        (HALF_WAY | {"progress_message": "Writing"}, '400,000 books <span class="bl-hint">(Writing)</span>'),
    ],
)
def test_a_task_that_stopped_early_says_how_far_it_got(show, status, progress, said):
    _, text = show(status=status, error_type="lost", error_title="gone", **progress)
    assert said in text


@pytest.mark.parametrize("status", [Status.FAILED, Status.LOST, Status.CANCELLED])
def test_a_task_that_never_said_how_far_it_is_does_not_then(show, status):
    assert "Stopped at" not in show(status=status)[1]


def test_a_success_says_how_many(show):
    assert "Done: 400,000 books." in show(status=Status.SUCCESSFUL, **HALF_WAY | {"progress_current": 400_000})[1]


@pytest.mark.parametrize(
    ("kind", "title", "line"),
    [
        ("ValueError", "bad thing", "ValueError: bad thing"),
        ("KeyError", "", "KeyError"),
        ("KeyError", "KeyError", "KeyError"),
        ("CommandError", "No such file", "No such file"),
        ("killed-by-signal", "Killed.", "Killed."),
        ("exited", "Exited.", "Exited."),
        ("lost", "Gone.", "Gone."),
    ],
)
def test_only_what_a_command_did_not_put_in_words_is_named_by_its_class(show, kind, title, line):
    _, text = show(status=Status.FAILED, error_type=kind, error_title=title)
    assert f'<p class="bl-error" role="alert">{line}</p>' in text


@pytest.mark.parametrize(
    ("took", "shown"),
    [
        (dt.timedelta(0), "0.0 s"),
        (dt.timedelta(milliseconds=450), "0.4 s"),
        (dt.timedelta(seconds=9, milliseconds=999), "9.9 s"),
        (dt.timedelta(seconds=59, milliseconds=999), "59 s"),
        (dt.timedelta(seconds=61), "1 min 1 s"),
        (dt.timedelta(hours=2, minutes=5, seconds=59), "2 h 5 min"),
        (dt.timedelta(days=3, hours=4), "3 d 4 h"),
        (dt.timedelta(seconds=-5), "0.0 s"),  # the clock was set back
    ],
)
def test_the_times_have_seconds_and_the_duration_two_units(show, took, shown):
    _, text = show(status=Status.SUCCESSFUL, started_at=STARTED, finished_at=STARTED + took)
    assert ">May 1, 2024, 12:00:01</time>" in text
    assert f"<dt>Duration</dt><dd>{shown}</dd>" in text


@pytest.mark.parametrize("values", [{}, {"started_at": STARTED}, {"finished_at": STARTED}])
def test_what_did_not_run_or_has_not_ended_has_no_duration(show, values):
    assert (
        "Duration"
        not in show(status=Status.RUNNING if not values.get("finished_at") else Status.CANCELLED, **values)[1]
    )


@pytest.mark.parametrize("status", sorted(TaskState.FINISHED))
def test_an_exit_code_and_a_signal_are_shown_where_they_are_known(show, status):
    _, text = show(status=status, exit_code=0, exit_signal=9)
    assert "<dt>Exit code</dt><dd>0</dd>" in text
    assert "<dt>Signal</dt><dd>9 (SIGKILL)</dd>" in text
    assert "Exit code" not in show(status=status)[1]
    assert "Signal" not in show(status=status)[1]


def test_a_signal_without_a_name_is_its_number(show):
    assert "<dd>77</dd>" in show(status=Status.FAILED, exit_signal=77)[1]


@pytest.mark.parametrize(
    ("values", "title"),
    [
        ({"status": Status.RUNNING, **HALF_WAY}, "22 % – Books – Running"),
        ({"status": Status.RUNNING}, "Books – Running"),
        ({"status": Status.READY}, "Books – Waiting"),
        ({"status": Status.SUCCESSFUL, **HALF_WAY}, "✓ Books – Successful"),
        ({"status": Status.FAILED}, "✕ Books – Failed"),
        ({"status": Status.LOST}, "✕ Books – Lost"),
        ({"status": Status.CANCELLED}, "⊘ Books – Cancelled"),
    ],
)
def test_the_tab_s_title_says_how_far_it_is_or_how_it_ended(show, values, title):
    assert f"<title>{title}</title>" in words(show(**values)[1])


@pytest.mark.parametrize(
    ("rate", "left", "said"),
    [
        (20_000.0, 311_500, ["20,000 per second", "about 16 seconds left"]),
        (4.36, 400, ["4.4 per second", "about 2 minutes left"]),
        (2.0, 30_000, ["2 per second", "about 4 hours left"]),
        (2.0, 2, ["about 1 second left"]),
    ],
)
def test_without_a_script_too_there_is_a_rate_and_what_is_left(show, rate, left, said):
    _, text = show(status=Status.RUNNING, **HALF_WAY | {"progress_current": 400_000 - left, "progress_rate": rate})
    for words_ in said:
        assert f">{words_}</span>" in text


def test_what_the_command_told_its_user_is_listed_by_time(show):
    said = [
        {"number": 3, "at": "2024-05-01T12:00:01+00:00", "text": "half <way>"},
        {"number": 4, "at": "2024-05-01T12:00:09+00:00", "text": "nearly"},
    ]
    page, text = show(status=Status.RUNNING, notices=said)
    assert page.count("li", value="3") == 1
    assert text.index(">12:00:01</time> <span>half &lt;way&gt;</span>") < text.index("12:00:09")


@pytest.mark.parametrize("notices", [None, []])
def test_the_list_of_notices_is_there_when_it_is_empty_for_what_comes(show, notices):
    page, text = show(status=Status.RUNNING, notices=notices)
    assert page.count("ol", data_part="notices") == 1
    assert 'data-part="notices"></ol>' in text


def test_a_task_is_cancelled_in_two_steps(show):
    page, text = show(status=Status.RUNNING)
    assert page.count("details", data_part="confirm") == 1
    assert "open" not in page.find("details", data_part="confirm")[0]
    assert "Yes, cancel it" in text


@pytest.mark.parametrize("status", sorted(Status))
def test_a_finished_task_can_be_retried_by_a_plain_form(show, status):
    forms = show(status=status)[0].find("form", method="post")
    assert bool([form for form in forms if form["action"].endswith("/retry")]) == (status in TaskState.FINISHED)


def test_a_task_and_its_retries_lead_to_each_other(browser, make_task, ann, bob):
    first = make_task(ann, status=Status.FAILED)
    again = make_task(ann, retry_of=first)
    foreign = make_task(bob, retry_of=first)
    page, of_again = (browser.get(f"/tasks/{task.pk}/").content.decode() for task in (first, again))
    assert f'href="/tasks/{again.pk}/"' in page
    assert str(foreign.pk) not in page
    assert f'<dt>Retry of</dt><dd><a href="/tasks/{first.pk}/">' in of_again


def test_the_file_of_an_export_has_a_checksum_that_can_be_copied(show):
    result = {"download": "/exports/files/1/", "name": "books.csv", "sha256": "ab" * 32}
    page, _ = show(status=Status.SUCCESSFUL, result=result)
    (button,) = page.find("button", data_copy="#sha256")
    assert button["type"] == "button"
    assert page.count("code", id="sha256") == 1


def test_the_words_for_a_lost_connection_are_on_the_page_and_not_shown(show):
    (place,) = show(status=Status.RUNNING)[0].find("p", data_part="connection")
    assert "hidden" in place
    assert place["data-text-retrying"] == "Connection lost, retrying."
    assert place["data-text-login"] == "Your login has expired."


def test_without_a_message_the_bar_s_label_is_for_screen_readers(show):
    (silent,) = show(status=Status.RUNNING)[0].find("label", data_part="message")
    (spoken,) = show(status=Status.RUNNING, **HALF_WAY, progress_message="Writing")[0].find(
        "label", data_part="message"
    )
    assert (silent.get("class"), spoken.get("class")) == ("bl-unseen", None)


@pytest.mark.parametrize("status", sorted(Status))
def test_an_unfinished_page_can_be_loaded_again_also_where_the_script_is_missing(show, status):
    page, text = show(status=status)
    assert page.count("p", **{"class": "bl-reload"}) == (status not in TaskState.FINISHED)
    # Not only for browsers without JavaScript.
    assert "Reload" not in "".join(part.partition("</noscript>")[0] for part in text.split("<noscript>")[1:])


def test_a_task_that_is_asked_to_stop_has_cancelling_for_its_title(show):
    _, text = show(status=Status.RUNNING, cancel_requested_at=timezone.now())
    assert "<title>Books – Cancelling</title>" in words(text)


@pytest.mark.parametrize(
    ("values", "term", "name"),
    [
        ({"command": "call_task", "arguments": ["shop.tasks.price"]}, "Function", "shop.tasks.price"),
        ({"command": "generate_books", "arguments": [5]}, "Command", "generate_books"),
    ],
)
def test_the_page_names_the_function_or_the_command(browser, make_task, ann, values, term, name):
    html = browser.get(f"/tasks/{make_task(ann, **values).pk}/").content.decode()
    assert f"<dt>{term}</dt><dd><code>{name}</code></dd>" in html
    assert ("<dt>Command</dt>" in html) != ("<dt>Function</dt>" in html)


def test_a_download_starts_by_itself_for_the_owner_alone(make_task, ann, bob, browser_of):
    task = make_task(ann, status=Status.SUCCESSFUL, result={"download": "/reports/1/"})
    bob.is_staff = bob.is_superuser = True
    bob.save()
    [own], [others] = (
        Page(client.get(f"/tasks/{task.pk}/").content.decode()).find("a", data_part="download")
        for client in map(browser_of, (ann, bob))
    )
    assert own["data-starts"] == str(task.pk)
    assert "data-starts" not in others


def test_a_form_of_a_page_from_before_another_login_is_answered_in_the_site_s_look(ann, make_task):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ann)
    answer = client.post(f"/tasks/{make_task(ann).pk}/cancel", {"csrfmiddlewaretoken": "a" * 64})
    text = answer.content.decode()
    assert answer.status_code == 403
    assert "Go back, load the page again" in text
    assert Page(text).find("task-notices")
