"""A task's stream: what it sends and when, with a watcher that tells what the test wants it to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone, translation

from brokerless.live import snapshots, stream
from brokerless.models import TaskState
from tests.site.live import STREAM, FakeWatcher, get, open_stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User
    from django.http import HttpResponse
    from django.test import Client

RUNNING = {"status": "RUNNING", "version": 5, "progress_current": 1, "progress_total": 4}
FINISHED = {"status": "SUCCESSFUL", "version": 9}


@pytest.fixture(autouse=True)
def watcher(monkeypatch: pytest.MonkeyPatch) -> FakeWatcher:
    fake = FakeWatcher()
    monkeypatch.setattr("brokerless.live.watcher.subscribe", fake.subscribe)
    monkeypatch.setattr(stream, "FRAME_GAP", 0.02)
    return fake


@pytest.fixture
def running(ann: User, make_task: Callable[..., TaskState]) -> TaskState:
    """Return a task of another host, which is not looked after."""
    return make_task(ann, **RUNNING, host="elsewhere", heartbeat_at=timezone.now())


def events_of(task: TaskState, query: str = "") -> str:
    return f"/tasks/{task.pk}/events{query}"


def test_a_stream_begins_with_what_a_poll_says_and_its_version(ann: User, running: TaskState) -> None:
    async def main() -> tuple[Any, Any, Any]:
        opened = await open_stream(ann, events_of(running))
        frame = await opened.frame()
        poll = await get(ann, f"/tasks/{running.pk}/", accept="application/json")
        await opened.close()
        return opened.response, frame, poll.json()

    response, frame, polled = async_to_sync(main)()
    assert frame == {"event": "task", "id": "5", "data": polled}
    assert response["Content-Type"] == STREAM
    assert response["Cache-Control"] == "private, no-cache, no-transform"
    assert response["X-Accel-Buffering"] == "no"


@pytest.mark.parametrize(("known", "count"), [("5", 0), ("4", 1), ("five", 1), ("", 1)])
def test_who_knows_the_version_is_not_sent_it_again(
    ann: User, running: TaskState, watcher: FakeWatcher, known: str, count: int
) -> None:
    async def main() -> list[Any]:
        opened = await open_stream(ann, events_of(running), **{"last-event-id": known})
        watcher.only.tell(is_end=True)
        return await opened.rest()

    assert len(async_to_sync(main)()) == count


def test_a_finished_task_is_sent_once_and_never_again(ann: User, make_task: Callable[..., TaskState]) -> None:
    task = make_task(ann, **FINISHED)

    async def main() -> tuple[list[Any], Any]:
        opened = await open_stream(ann, events_of(task))
        return await opened.rest(), await get(ann, events_of(task), **{"last-event-id": "9"})

    frames, again = async_to_sync(main)()
    assert [frame["data"]["status"] for frame in frames] == ["SUCCESSFUL"]
    assert again.status_code == 204


def test_a_heartbeat_alone_is_not_sent_and_progress_is(ann: User, running: TaskState) -> None:
    made = snapshots.Snapshots(running, ann)
    running.version += 1
    assert made.frame(running) == b""
    running.progress_current += 1
    assert b"id: 6\n" in made.frame(running)


def test_every_change_is_sent_and_the_stream_ends_with_the_task(
    ann: User, running: TaskState, watcher: FakeWatcher
) -> None:
    async def main() -> list[Any]:
        opened = await open_stream(ann, events_of(running), **{"last-event-id": "5"})
        watcher.only.tell(task=changed(running, version=7, progress_current=2))
        first = await opened.frame()
        watcher.only.tell(task=changed(running, version=8, status="SUCCESSFUL"))
        return [first, *await opened.rest()]

    frames = async_to_sync(main)()
    assert [frame["id"] for frame in frames] == ["7", "8"]
    assert frames[0]["data"]["progress"]["percent"] == 50
    assert not watcher.subscriptions


def test_of_many_changes_at_once_the_last_is_sent(ann: User, running: TaskState, watcher: FakeWatcher) -> None:
    async def main() -> list[Any]:
        opened = await open_stream(ann, events_of(running), **{"last-event-id": "5"})
        for number in range(2, 52):
            watcher.only.tell(task=changed(running, version=number + 5, progress_current=number))
        watcher.only.tell(is_end=True)
        return await opened.rest()

    (frame,) = async_to_sync(main)()
    assert frame["data"]["progress"]["current"] == 51


@pytest.mark.parametrize("news", ["task", "topics"])
def test_frames_keep_their_distance(
    ann: User, running: TaskState, watcher: FakeWatcher, monkeypatch: pytest.MonkeyPatch, news: str
) -> None:
    monkeypatch.setattr(stream, {"task": "FRAME_GAP", "topics": "HINT_GAP"}[news], 0.3)

    async def main() -> float:
        opened = await open_stream(ann, events_of(running, "?notices=1"), **{"last-event-id": "5"})
        times = []
        for number in (2, 3):
            task = changed(running, version=number + 5, progress_current=number)
            watcher.only.tell(**{"task": {"task": task}, "topics": {"topics": ["notices"]}}[news])
            await opened.frame()
            times.append(time.monotonic())
        return times[1] - times[0]

    assert async_to_sync(main)() > 0.25


def test_hints_name_the_topics_and_gather(
    ann: User, running: TaskState, watcher: FakeWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HINT_GAP", 0.2)

    async def main() -> list[Any]:
        opened = await open_stream(ann, f"/tasks/events?row={running.pk}&notices=1")
        watcher.only.tell(topics=["rows"])
        first = await opened.frame()
        for topic in ["rows", "notices", "rows"]:
            watcher.only.tell(topics=[topic])
        return [first, await opened.frame()]

    frames = async_to_sync(main)()
    assert [frame["event"] for frame in frames] == ["changed", "changed"]
    assert [frame["data"] for frame in frames] == [{"topics": ["rows"]}, {"topics": ["notices", "rows"]}]


def test_a_stream_that_shows_more_goes_on_when_its_task_has_ended(
    ann: User, make_task: Callable[..., TaskState], watcher: FakeWatcher
) -> None:
    task = make_task(ann, **FINISHED)

    async def main() -> Any:
        opened = await open_stream(ann, events_of(task, "?notices=1"), **{"last-event-id": "9"})
        watcher.only.tell(topics=["notices"])
        return await opened.frame()

    assert async_to_sync(main)()["data"] == {"topics": ["notices"]}


def test_silence_is_filled_with_comments_until_the_time_is_over(
    ann: User, running: TaskState, watcher: FakeWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in {"SILENCE": 0.05, "LIFETIME": 0.4, "SPREAD": 0.0}.items():
        monkeypatch.setattr(stream, name, seconds)

    async def main() -> list[Any]:
        return await (await open_stream(ann, events_of(running), **{"last-event-id": "5"})).rest()

    frames = async_to_sync(main)()
    assert 2 <= len(frames) <= 8
    assert {tuple(frame.items()) for frame in frames} == {(("", "still here"),)}


def test_a_stream_whose_watcher_is_stuck_ends(
    ann: User, running: TaskState, watcher: FakeWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "SILENCE", 0.02)
    watcher.stuck = True

    async def main() -> list[Any]:
        return await (await open_stream(ann, events_of(running), **{"last-event-id": "5"})).rest()

    assert async_to_sync(main)() == []


def test_frames_are_in_the_language_of_the_request(
    ann: User, running: TaskState, watcher: FakeWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def represented(*_: object, **__: object) -> dict[str, Any]:
        return {"id": translation.get_language()}

    with translation.override("de"), timezone.override("Europe/Vienna"):
        made = snapshots.Snapshots(running, ann)
    monkeypatch.setattr(snapshots, "represent", represented)
    with translation.override("en"):
        assert b'{"id": "de"}' in made.frame(running)


def test_a_closed_stream_watches_nothing(ann: User, running: TaskState, watcher: FakeWatcher) -> None:
    async def main() -> int:
        opened = await open_stream(ann, events_of(running))
        before = len(watcher.subscriptions)
        await opened.close()
        return before

    assert async_to_sync(main)() == 1
    assert not watcher.subscriptions


@pytest.mark.parametrize("path", ["/tasks/events?notices=1", "/tasks/{}/events"])
def test_under_wsgi_there_is_no_stream(program: Client, running: TaskState, path: str) -> None:
    response = program.get(path.format(running.pk))
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"


def test_somebody_elses_task_has_no_stream_and_no_rows(bob: User, running: TaskState) -> None:
    async def main() -> list[int]:
        urls = [events_of(running), f"/tasks/events?row={running.pk}"]
        return [(await get(bob, url)).status_code for url in urls]

    assert async_to_sync(main)() == [404, 204]


def test_who_is_not_logged_in_is_told_so_and_sent_nowhere(running: TaskState) -> None:
    async def main() -> HttpResponse:
        return await get(None, events_of(running))

    response = async_to_sync(main)()
    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "query", ["row=1", "row=", "&".join(f"row=00000000-0000-0000-0000-{n:012}" for n in range(101))]
)
def test_rows_that_make_no_sense_are_refused(ann: User, running: TaskState, query: str) -> None:
    async def main() -> list[int]:
        urls = [f"/tasks/events?{query}", events_of(running, f"?{query}")]
        return [(await get(ann, url)).status_code for url in urls]

    assert async_to_sync(main)() == [400, 400]


def test_compressing_middleware_leaves_streams_alone(ann: User, running: TaskState, settings: Any) -> None:
    settings.MIDDLEWARE = ["django.middleware.gzip.GZipMiddleware", *settings.MIDDLEWARE]

    async def main() -> tuple[Any, Any]:
        headers = {"accept-encoding": "gzip"}
        opened = await open_stream(ann, events_of(running), **headers)
        page = await get(ann, f"/tasks/{running.pk}/", accept="text/html", **headers)
        await opened.close()
        return opened.response, page

    response, page = async_to_sync(main)()
    assert not response.has_header("Content-Encoding")
    assert page["Content-Encoding"] == "gzip"


def test_asked_for_its_head_a_stream_watches_nothing(ann: User, running: TaskState, watcher: FakeWatcher) -> None:
    async def main() -> Any:
        return await get(ann, events_of(running), method="head")

    response = async_to_sync(main)()
    assert (response.status_code, response["Content-Type"]) == (200, STREAM)
    assert not response.streaming
    assert not watcher.subscriptions


def changed(task: TaskState, **values: Any) -> TaskState:
    """Return the row as it is after a change."""
    fields = {field.attname: getattr(task, field.attname) for field in TaskState._meta.concrete_fields}
    return TaskState(**fields | values)
