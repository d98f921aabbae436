"""What streams cost: `python -m bench.pages.streams [sqlite|postgresql] …`; prints a table with the budgets.

The example site under one uvicorn worker; clients and changes come from this process, on the same machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psutil

from bench.databases import POSTGRES_URL
from tests.postgres import create_database, drop_database
from tests.system.running_site import RunningSite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STREAMS = POLLERS = 200
POLL_PAUSE = 1.5  # seconds; of a task that runs for a while
CHANGES = 100  # whose latency is measured, one after the other
PAUSE = 0.12  # seconds between two of them; a stream sends ten a second
UNDER_LOAD = 20.0  # seconds
MEGABYTE = 1_000_000
LATENCY = {"postgresql": 0.150, "sqlite": 0.500}  # seconds
POLL_TIME = 0.003  # seconds
# As if this very process were its monitor. Prints the session's cookie and the task's id.
MAKE = """
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
from brokerless.models import TaskState
from brokerless.processes import host_name, identify
user = User.objects.get(username="ann")
session = SessionStore()
session["_auth_user_id"] = str(user.pk)
session["_auth_user_backend"] = settings.AUTHENTICATION_BACKENDS[0]
session["_auth_user_hash"] = user.get_session_auth_hash()
session.save()
task = TaskState.objects.create(command="export_books", owner=user, status="RUNNING", lease=1, attempt=1,
    host=host_name(), monitor_pid={pid}, monitor_start=identify({pid}).start,
    started_at=timezone.now(), heartbeat_at=timezone.now(), progress_current=0, progress_total=1_000_000)
print(session.session_key, task.pk)
"""
# Seconds of each poll in the view and the middleware, and its queries.
COUNT_POLLS = """
import statistics, time
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
client = Client(headers={{"accept": "application/json"}}, raise_request_exception=True)
client.cookies["sessionid"] = "{session}"
times = []
for _ in range(200):
    begun = time.perf_counter()
    response = client.get("/tasks/{task}/", headers={{"host": "127.0.0.1"}})
    times.append(time.perf_counter() - begun)
assert response.status_code == 200, response.content
with CaptureQueriesContext(connection, ) as queries:
    client.get("/tasks/{task}/", headers={{"host": "127.0.0.1"}})
print(statistics.quantiles(times, n=20)[0], statistics.median(times), len(queries))
"""


@dataclass
class Client:
    """A client of plain sockets, so that it costs little beside what it measures."""

    port: int
    session: str
    changed: Callable[[int, float], None] = lambda *_: None
    frames: int = 0
    errors: list[str] = field(default_factory=list)

    async def open(self, path: str, accept: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAccept: {accept}\r\n"
        writer.write(f"{head}Cookie: sessionid={self.session}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        return reader, writer, (await reader.readline()).decode().strip()

    async def follow(self, path: str) -> None:
        """Read a stream until this is cancelled."""
        reader, writer, status = await self.open(path, "text/event-stream")
        if " 200 " not in status:
            self.errors.append(status)
            return
        try:
            while line := await reader.readline():
                if line.startswith(b'data: {"id"'):
                    self.frames += 1
                    progress = json.loads(line[6:])["progress"]
                    self.changed(progress["current"], time.perf_counter())
            self.errors.append("a stream ended")
        finally:
            writer.close()

    async def poll(self, path: str) -> None:
        """Ask as often as a page does until this is cancelled."""
        while True:
            try:
                reader, writer, status = await self.open(path, "application/json")
                await reader.read()
                writer.close()
                self.frames += 1
                if " 200 " not in status and " 304 " not in status:
                    self.errors.append(status or "nothing")
            except OSError as error:
                self.errors.append(repr(error))
            await asyncio.sleep(POLL_PAUSE)


class Bench:
    """One database's site, and what was measured with it."""

    def __init__(self, kind: str, site: RunningSite) -> None:
        self.kind = kind
        self.site = site
        self.rows: list[tuple[str, str, str, bool | None]] = []

    def note(self, what: str, figure: str, budget: str = "", is_kept: bool | None = None) -> None:
        self.rows.append((what, figure, budget, is_kept))
        print(f"{self.kind}: {what}: {figure}", file=sys.stderr)

    async def run(self) -> None:
        self.session, self.task = self.site.manage_well(
            "shell", "--command", MAKE.format(pid=os.getpid())
        ).split()[-2:]
        self.site.start()
        self.server = psutil.Process(self.site._server.pid)  # noqa: SLF001 - a bench may
        self.path = f"/tasks/{self.task}/"
        await Client(self.site.port, self.session).open(self.path, "application/json")
        await self.latency()
        await self.few_at_a_time()
        # PostgreSQL takes a hundred connections, and each request under way would have its own.
        self.site.stop()
        self.site.environment["DATABASE_POOL"] = "20"
        self.site.start()
        self.server = psutil.Process(self.site._server.pid)  # noqa: SLF001
        await self.all_at_once()
        self.site.environment["DATABASE_POOL"] = "0"
        self.polls()

    async def latency(self) -> None:
        seen: dict[int, float] = {}
        client = Client(self.site.port, self.session, changed=lambda number, at: seen.setdefault(number, at))
        reading = asyncio.create_task(client.follow(f"{self.path}events"))
        await asyncio.sleep(1)
        latencies = []
        with self.changing() as change:
            for number in range(1, CHANGES + 1):
                begun = time.perf_counter()
                await asyncio.to_thread(change, number)
                deadline = begun + 5
                while number not in seen and time.perf_counter() < deadline:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
                latencies.append(seen.get(number, deadline) - begun)
                # Not in step with looks at fixed times.
                await asyncio.sleep(PAUSE + (number * 0.037) % 0.25)
        reading.cancel()
        median, p95 = statistics.median(latencies), statistics.quantiles(latencies, n=20)[-1]
        most = LATENCY[self.kind]
        self.note("change of a row → frame, median", f"{1000 * median:.0f} ms")
        self.note("change of a row → frame, 95 %", f"{1000 * p95:.0f} ms", f"≤ {1000 * most:.0f} ms", p95 <= most)

    async def few_at_a_time(self) -> None:
        """Open the streams so that the connections of their beginnings are gone: what is left is theirs."""
        before = self.server.memory_info().rss
        clients = [Client(self.site.port, self.session) for _ in range(STREAMS)]
        reading = []
        for number, each in enumerate(clients):
            reading.append(asyncio.create_task(each.follow(f"{self.path}events?notices=1")))
            await _all_have_begun(clients[: max(0, number - 9)])
        await _all_have_begun(clients)
        await asyncio.sleep(2)
        grown = self.server.memory_info().rss - before
        self.note("memory of a stream", f"{grown / STREAMS / 1000:.0f} kB")
        self.note("threads of the server", str(self.server.num_threads()))
        self.connections()
        for task in reading:
            task.cancel()

    async def all_at_once(self) -> None:
        """Open the streams, and begin to poll, in the same instant, as after a restart."""
        clients = [Client(self.site.port, self.session) for _ in range(STREAMS)]
        begun = time.perf_counter()
        reading = [asyncio.create_task(each.follow(f"{self.path}events?notices=1")) for each in clients]
        await _all_have_begun(clients)
        self.note(f"{STREAMS} streams, asked for at once, are open after", f"{time.perf_counter() - begun:.1f} s")
        await self.load(clients)
        for task in reading:
            task.cancel()

    def connections(self) -> None:
        if self.kind == "postgresql":
            statement = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            count = self.site.query(statement)[0][0]
            self.note(f"connections to the database, {STREAMS} streams", str(count), "1", count == 1)

    async def load(self, clients: list[Client]) -> None:
        pollers = [Client(self.site.port, self.session) for _ in range(POLLERS)]
        cpu, frames = sum(self.server.cpu_times()[:2]), sum(each.frames for each in clients)
        polling = [asyncio.create_task(each.poll(self.path)) for each in pollers]
        end = time.perf_counter() + UNDER_LOAD
        with self.changing() as change:
            number = 1000
            while time.perf_counter() < end:
                number += 1
                await asyncio.to_thread(change, number)
                await asyncio.sleep(1)
        for task in polling:
            task.cancel()
        errors = [error for each in [*clients, *pollers] for error in each.errors]
        polls = sum(each.frames for each in pollers)
        sent = sum(each.frames for each in clients) - frames
        load = (sum(self.server.cpu_times()[:2]) - cpu) / (UNDER_LOAD + 1)
        what = f"{STREAMS} streams and {POLLERS} pollers for {UNDER_LOAD:.0f} s"
        self.note(f"{what}: errors", f"{len(errors)} {sorted(set(errors))[:3] or ''}".strip(), "0", not errors)
        self.note(f"{what}: polls, frames, load", f"{polls}, {sent}, {100 * load:.0f} % of a core")

    def polls(self) -> None:
        code = COUNT_POLLS.format(session=self.session, task=self.task)
        lowest, middle, queries = self.site.manage_well("shell", "--command", code).split()[-3:]
        median = float(middle)
        figure = f"{1000 * median:.1f} ms (5 % of them: {1000 * float(lowest):.1f} ms)"
        self.note("a poll, in the server", figure, f"≤ {1000 * POLL_TIME:.0f} ms", median <= POLL_TIME)
        self.note("a poll's queries, session and user among them", queries, "3", int(queries) == 3)

    @contextlib.contextmanager
    def changing(self) -> Iterator[Callable[[int], None]]:
        """Give a function that changes the task's row as a heartbeat does."""
        sets = "UPDATE brokerless_taskstate SET version = version + 1, progress_current = ? WHERE id = ?"
        if self.kind == "sqlite":
            import sqlite3

            path, key = self.site.database_url.removeprefix("sqlite:///"), self.task.replace("-", "")
            with contextlib.closing(
                sqlite3.connect(path, timeout=20, isolation_level=None, check_same_thread=False)
            ) as connection:
                yield lambda number: connection.execute(sets, (number, key))
            return
        import psycopg

        with psycopg.connect(self.site.database_url, autocommit=True) as connection:
            yield lambda number: connection.execute(sets.replace("?", "%s"), (number, self.task))


async def _all_have_begun(clients: list[Client]) -> None:
    while not all(each.frames or each.errors for each in clients):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def cost_of_the_trigger(bench: Bench) -> None:
    """Compare 1,000 updates in a transaction each, and in one, with the trigger and without."""
    import psycopg

    keys = [uuid4() for _ in range(1000)]
    with psycopg.connect(bench.site.database_url, autocommit=True) as connection:
        connection.execute("CREATE TEMP TABLE kept AS SELECT * FROM brokerless_taskstate LIMIT 1")
        for key in keys:
            connection.execute("UPDATE kept SET id = %s", [key])
            connection.execute("INSERT INTO brokerless_taskstate SELECT * FROM kept")
        for word in ("ENABLE", "DISABLE"):
            connection.execute(f"ALTER TABLE brokerless_taskstate {word} TRIGGER brokerless_tell_of_changes")
            begun = time.perf_counter()
            for key in keys:
                connection.execute("UPDATE brokerless_taskstate SET version = version + 1 WHERE id = %s", [key])
            each = time.perf_counter() - begun
            begun = time.perf_counter()
            connection.execute("UPDATE brokerless_taskstate SET version = version + 1")
            at_once = time.perf_counter() - begun
            words = "with the trigger" if word == "ENABLE" else "without it"
            bench.note(
                f"1,000 updates {words}: one by one, in one statement", f"{each:.2f} s, {1000 * at_once:.0f} ms"
            )
        connection.execute("DELETE FROM brokerless_taskstate WHERE id = ANY(%s)", [keys])
        connection.execute("ALTER TABLE brokerless_taskstate ENABLE TRIGGER brokerless_tell_of_changes")


def measure(kind: str) -> Bench:
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if kind == "sqlite":
            url = f"sqlite:///{directory / 'db.sqlite3'}"
        else:
            name = create_database(POSTGRES_URL)
            stack.callback(drop_database, POSTGRES_URL, name)
            url = POSTGRES_URL.rpartition("/")[0] + f"/{name}"
        site = RunningSite(directory, url, DEBUG="0", SECRET_KEY="of a measurement", ALLOWED_HOSTS="127.0.0.1")
        stack.callback(site.end)
        site.prepare()
        bench = Bench(kind, site)
        asyncio.run(bench.run())
        if kind == "postgresql":
            cost_of_the_trigger(bench)
        return bench


def main() -> int:
    benches = [measure(kind) for kind in sys.argv[1:] or ["sqlite", "postgresql"]]
    print("| database | what | figure | budget | |\n|---|---|---|---|---|")
    for bench in benches:
        for what, figure, budget, is_kept in bench.rows:
            verdict = {None: "", True: "kept", False: "MISSED"}[is_kept]
            print(f"| {bench.kind} | {what} | {figure} | {budget} | {verdict} |")
    return int(any(is_kept is False for bench in benches for *_, is_kept in bench.rows))


if __name__ == "__main__":
    sys.exit(main())
