"""Progress: reported by the command, measured by the monitor, drawn in a terminal."""

from __future__ import annotations

import json
import sys

import pytest

from brokerless import progress, track
from brokerless.channel import CURRENT, STAGE, TOTAL
from brokerless.models import TaskState
from brokerless.progress import Meter, Reporter, eta_seconds
from tests.eventually import eventually
from tests.real_processes import describe

Status = TaskState.Status


class FakeEnd:
    def __init__(self):
        self.numbers = memoryview(bytearray(24)).cast("q")
        self.told = []

    def tell(self, kind, **values):
        self.told.append((kind, values))


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(progress.time, "monotonic", made)
    return made


def numbers(current, total=-1, stage=1):
    found = memoryview(bytearray(24)).cast("q")
    found[CURRENT], found[TOTAL], found[STAGE] = current, total, stage
    return found


def test_before_the_first_stage_there_is_no_progress():
    assert Meter(numbers(0, stage=0)).read() == {}


def test_a_stage_is_told_with_its_words_and_its_total():
    end = FakeEnd()
    Reporter(end).start(total=9, unit="books", message="Reading")
    assert end.told == [("progress", {"unit": "books", "message": "Reading"})]
    assert list(end.numbers) == [0, 9, 1]


def test_the_words_may_be_lazy_translations_or_nothing():
    end = FakeEnd()
    Reporter(end).start(unit=TaskState._meta.verbose_name_plural, message=None)
    assert json.dumps(end.told[0][1]) == '{"unit": "tasks", "message": ""}'


def test_items_are_counted_when_they_are_done():
    end = FakeEnd()
    items = Reporter(end).over("abc", total=None, unit="letters", message="")
    seen = [(item, end.numbers[CURRENT]) for item in items]
    assert seen == [("a", 0), ("b", 1), ("c", 2)]
    assert list(end.numbers) == [3, -1, 1]


def test_the_rate_is_the_items_of_a_second(clock):
    read = numbers(0, 100)
    meter = Meter(read)
    assert meter.read()["progress_rate"] is None
    clock.now += 2
    read[CURRENT] = 20
    assert meter.read()["progress_rate"] == pytest.approx(10)


def test_later_the_rate_is_smoothed(clock):
    read = numbers(0, 1000)
    meter = Meter(read)
    for _ in range(5):
        meter.read()
        clock.now += 1
        read[CURRENT] += 10
    read[CURRENT] += 10  # twice as fast in this second
    assert 10 < meter.read()["progress_rate"] < 20


def test_a_new_stage_begins_with_no_rate(clock):
    read = numbers(0, 100)
    meter = Meter(read)
    meter.read()
    clock.now += 2
    read[CURRENT] = 20
    meter.read()
    clock.now += 1
    read[CURRENT], read[STAGE] = 0, 2
    assert meter.read()["progress_rate"] is None


def test_a_count_that_goes_back_is_no_negative_rate(clock):
    read = numbers(50, 100)
    meter = Meter(read)
    meter.read()
    clock.now += 1
    read[CURRENT] = 10
    assert meter.read()["progress_rate"] == 0


def test_the_words_are_cut_to_the_row_and_hold_nothing_that_a_database_refuses():
    meter = Meter(numbers(1))
    meter.describe(unit="u" * 60, message="m\0\udce9" * 100)
    found = meter.read()
    assert (found["progress_unit"], len(found["progress_message"])) == ("u" * 50, 200)
    assert "\0" not in found["progress_message"]
    assert found["progress_message"].encode()


@pytest.mark.parametrize(
    ("current", "total", "rate", "seconds"),
    [
        (10, 100, 10.0, 9),
        (0, 100, 0.0, None),
        (0, 100, None, None),
        (10, None, 10.0, None),
        (None, None, None, None),
        (100, 100, 10.0, None),
        (101, 100, 10.0, None),
    ],
)
def test_the_rest_takes_as_long_as_the_rate_says_or_nobody_knows(current, total, rate, seconds):
    assert eta_seconds(current, total, rate) == seconds


@pytest.fixture
def terminal(monkeypatch):
    """Say that standard error is, or is not, a terminal; return whether a bar was drawn."""
    drawn = []
    monkeypatch.setattr(progress, "_bar", lambda iterable, *words: drawn.append(words) or iter(iterable))

    def be(answer):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: answer, raising=False)
        return drawn

    return be


def test_by_hand_a_bar_is_drawn_in_a_terminal(terminal):
    drawn = terminal(True)
    assert list(track([1, 2], unit="books", message="Reading")) == [1, 2]
    assert [words[:3] for words in drawn] == [(2, "books", "Reading")]


@pytest.mark.parametrize(("is_terminal", "quiet"), [(False, False), (True, True)])
def test_no_bar_is_drawn_elsewhere_or_when_told_to_be_quiet(terminal, is_terminal, quiet):
    drawn = terminal(is_terminal)
    assert list(track(iter([1, 2]), quiet=quiet)) == [1, 2]
    assert drawn == []


def test_tqdm_is_imported_only_for_a_bar(processes):
    code = "import sys, django; django.setup(); from brokerless import track; list(track([1]))"
    assert processes.run_python(f"{code}; print('tqdm' in sys.modules)").strip() == "False"


@pytest.mark.system
def test_progress_is_in_the_row_while_the_command_runs_and_at_its_end(processes):
    task = processes.launch_and_await_word("track_items", 10, 5)
    running = eventually(lambda: (now := processes.read(task)).progress_current == 5 and now)
    assert (running.status, running.progress_total, running.progress_unit) == (Status.RUNNING, 10, "books")
    assert running.progress_message == "Reading"
    processes.say()
    assert processes.await_end(task).progress_current == 10


@pytest.mark.system
def test_very_many_stages_with_odd_words_do_no_harm(processes):
    task = processes.await_end(processes.launch("track_stages", 20_000))
    assert task.status == Status.SUCCESSFUL, describe(task)
    assert (task.progress_current, task.progress_total) == (7, 19_999)
    assert task.progress_message.startswith("Stage 19999")


@pytest.mark.system
def test_progress_is_visible_while_the_command_holds_a_transaction(postgres, processes, django_user_model):
    task = processes.launch_and_await_word("track_in_transaction")
    eventually(lambda: processes.read(task).progress_current == 5)
    assert not django_user_model.objects.filter(username="unseen").exists()
    processes.say()
    ended = processes.await_end(task)
    assert ended.status == Status.SUCCESSFUL, describe(ended)
    assert django_user_model.objects.filter(username="unseen").exists()
