"""Many tasks launched at once by many processes: no limit is exceeded by one, none is stranded, each runs once."""

from __future__ import annotations

from collections import defaultdict

import pytest

from brokerless.models import TaskState
from tests.eventually import eventually
from tests.runner.elsewhere import launch_elsewhere_at_once

pytestmark = pytest.mark.system

Status = TaskState.Status
LAUNCHERS = 8
HOST_LIMIT, QUEUE_LIMIT = 5, 2
# Two busy cores start about five tasks a second; a machine that is loaded otherwise takes its time.
WITHIN = 400.0  # seconds


def most_at_once(intervals):
    """Return how many of the intervals (beginning, end) were open at the same moment; an end frees its place."""
    moments = sorted([(begin, 1) for begin, _ in intervals] + [(end, -1) for _, end in intervals])
    most = now = 0
    for _, change in moments:
        now += change
        most = max(most, now)
    return most


def test_what_is_open_at_the_same_moment_is_counted():
    assert most_at_once([(0, 2), (1, 3), (3, 4), (3, 9)]) == 2
    assert most_at_once([(0, 9), (1, 2), (2, 3), (1, 4)]) == 3


def read_ledger(path):
    """Return the intervals in which each task's command ran, as its command noted them."""
    noted = defaultdict(lambda: defaultdict(list))
    for line in path.read_text().splitlines():
        task_id, word, moment = line.split()
        noted[task_id][word].append(int(moment))
    return {task_id: list(zip(words["start"], words["end"], strict=True)) for task_id, words in noted.items()}


def launch_all(processes, count):
    """Launch so many tasks from all launchers at once, every fourth in the narrow queue; return the ledger."""
    processes.configure(MAX_PROCESSES=HOST_LIMIT, QUEUES={"narrow": {"limit": QUEUE_LIMIT}})
    ledger = processes.directory / "ledger"
    code = f"""
for number in range({count // LAUNCHERS}):
    queue = "default" if number % 4 else "narrow"
    launch("ledger_probe", arguments=[{str(ledger)!r}], queue=queue)
"""
    launch_elsewhere_at_once(processes, LAUNCHERS, code, DJANGO_SETTINGS_MODULE="tests.probes.light_settings")
    return ledger


def check_burst(processes, count):
    ledger = launch_all(processes, count)
    assert TaskState.objects.count() == count

    # Nobody polls or ticks: what ends starts the next.
    unfinished = TaskState.objects.unfinished()
    eventually(lambda: not unfinished.exists(), within=WITHIN, why="no task is stranded")

    tasks = list(TaskState.objects.all())
    assert {(task.status, task.attempt, task.lease) for task in tasks} == {(Status.SUCCESSFUL, 1, 1)}
    ran = read_ledger(ledger)
    assert {str(task.pk) for task in tasks} == set(ran)
    assert {len(intervals) for intervals in ran.values()} == {1}, "a command ran twice"
    check_limits(tasks, ran)


def check_limits(tasks, ran):
    """By the rows, from claim to end in the database's time; and by what the commands themselves noted."""
    narrow = [task for task in tasks if task.queue == "narrow"]
    assert narrow
    for some, limit in ((tasks, HOST_LIMIT), (narrow, QUEUE_LIMIT)):
        assert most_at_once([(task.claimed_at, task.finished_at) for task in some]) == limit
        assert most_at_once([ran[str(task.pk)][0] for task in some]) <= limit


@pytest.mark.proof
def test_two_hundred_tasks_of_eight_processes_at_once(processes):
    check_burst(processes, 200)


def test_many_tasks_of_eight_processes_at_once(processes):
    check_burst(processes, 48)


def test_many_tasks_of_eight_processes_at_once_on_postgresql(postgres, processes):
    check_burst(processes, 32)
