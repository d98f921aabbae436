"""What the pages say of a task that is tried again, waits for its time, or has used much."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from brokerless.models import TaskState

Status = TaskState.Status
FAILED_ONCE = {
    "attempt": 1,
    "at": "2026-11-21T12:00:00+00:00",
    "type": "CommandError",
    "title": "The provider <was> away.",
    "detail": "",
    "exit_code": 1,
    "exit_signal": None,
}


@pytest.fixture
def text_of(browser, make_task, ann):
    """Return the function that makes a task of Ann's and gives its page."""

    def shown(**values) -> str:
        page = browser.get(f"/tasks/{make_task(ann, **values).pk}/").content.decode()
        return " ".join(page.split())

    return shown


def test_a_task_that_waits_for_its_next_attempt_says_why_and_when(text_of):
    soon = timezone.now() + timedelta(minutes=5)
    page = text_of(attempt=1, max_attempts=3, errors=[FAILED_ONCE], run_after=soon)
    assert "Attempt 1 of 3 failed:" in page
    assert "The provider &lt;was&gt; away." in page
    assert "It is tried again by itself after" in page
    assert "1 attempt failed before" in page


def test_a_task_whose_pause_is_over_waits_for_a_place(text_of):
    page = text_of(attempt=1, max_attempts=3, errors=[FAILED_ONCE], run_after=timezone.now())
    assert "It is tried again by itself as soon as there is a free place." in page


def test_a_task_that_waits_for_its_time_says_so(text_of):
    page = text_of(run_after=timezone.now() + timedelta(hours=1))
    assert "The task waits until" in page
    assert "starts then by itself" in page


def test_a_task_that_waits_for_nothing_but_a_place_says_that(text_of):
    page = text_of()
    assert "The task waits for a free place" in page
    assert "failed before" not in page
    assert "Attempt" not in page


def test_the_last_attempt_is_shown_beside_the_earlier_ones(text_of):
    page = text_of(
        status=Status.FAILED,
        attempt=2,
        max_attempts=2,
        errors=[FAILED_ONCE],
        error_type="timed-out",
        error_title="The command ran longer than 60 s.",
        exit_signal=9,
        cpu_seconds=61.27,
        peak_memory=512 * 1024 * 1024,
    )
    assert "The command ran longer than 60 s." in page
    assert "<dd>2 of 2</dd>" in page
    assert "61.3 s" in page
    assert "512.0\N{NO-BREAK SPACE}MB" in page or "512.0 MB" in page


def test_a_program_reads_the_same(program, make_task, ann):
    soon = timezone.now() + timedelta(minutes=5)
    task = make_task(ann, attempt=1, max_attempts=3, errors=[FAILED_ONCE], run_after=soon)
    shown = program.get(f"/tasks/{task.pk}/").json()
    assert (shown["attempt"], shown["max_attempts"]) == (1, 3)
    assert shown["earlier_errors"] == [FAILED_ONCE]
    assert shown["run_after"] == soon.isoformat()
    assert shown["error"] is None
