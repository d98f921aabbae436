"""What is measured: each can record calls while nothing runs, run them, and say when each ended."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PATIENCE = 60.0  # seconds for one task


class System(ABC):
    """A context in which calls can be enqueued; nothing runs them outside `working()`."""

    def __init__(self, processes: int) -> None:
        self.processes = processes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave no process behind."""
        return

    @abstractmethod
    def enqueue(self, function: str, *arguments: Any) -> Any:
        """Enqueue a call of a function of `bench.tasks`."""

    @abstractmethod
    @contextmanager
    def working(self) -> Iterator[None]:
        """Run what is enqueued, in so many processes at once."""

    @abstractmethod
    def value(self, call: Any, *, pause: float) -> Any:
        """Wait until a call has succeeded, looking every `pause` seconds, and return its value."""

    @abstractmethod
    def end(self, call: Any) -> float:
        """Return when a successful call ended, in seconds since the epoch."""

    @abstractmethod
    def forget(self) -> None:
        """Remove all that is enqueued."""


class DjangoTasks(System):
    """Whatever is a backend of Django's tasks."""

    def __enter__(self) -> Self:
        import django

        django.setup()
        return self

    def enqueue(self, function: str, *arguments: Any) -> Any:
        from bench import tasks

        return getattr(tasks, function).enqueue(*arguments)

    def value(self, call: Any, *, pause: float) -> Any:
        deadline = time.monotonic() + PATIENCE
        call.refresh()
        while not call.is_finished:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{call.task.name} is still {call.status} after {PATIENCE:g} s.")
            time.sleep(pause)
            call.refresh()
        return call.return_value  # raises ValueError for one that failed

    def end(self, call: Any) -> float:
        return call.finished_at.timestamp()


class ProcessPerTask(DjangoTasks):
    """django-brokerless."""

    def __enter__(self) -> Self:
        super().__enter__()
        from brokerless.pausing import pause

        pause()
        return self

    def __exit__(self, *_: object) -> None:
        from brokerless.models import TaskState

        for task in TaskState.objects.unfinished():  # after an error
            task.cancel()
            task.wait(timeout=PATIENCE)

    @contextmanager
    def working(self) -> Iterator[None]:
        from brokerless.pausing import pause, resume

        resume()
        try:
            yield
        finally:
            pause()

    def forget(self) -> None:
        from brokerless.models import TaskState

        TaskState.objects.all().delete()


class DatabaseWorkers(DjangoTasks):
    """django-tasks-db: workers that look into the database."""

    @contextmanager
    def working(self) -> Iterator[None]:
        words = [sys.executable, "-m", "django", "db_worker", "--no-startup-delay", "--verbosity", "0"]
        with running([words] * self.processes):
            yield

    def forget(self) -> None:
        from django_tasks_db.models import DBTaskResult

        DBTaskResult.objects.all().delete()


class CeleryWithRedis(System):
    """Celery, with a Redis of its own behind a socket in a directory of its own."""

    def __enter__(self) -> Self:
        self._directory = tempfile.TemporaryDirectory(prefix="bench-")  # short: a socket's path is limited
        socket = Path(self._directory.name, "redis")
        os.environ["BENCH_REDIS"] = f"redis+socket://{socket}"
        words = ["redis-server", "--port", "0", "--unixsocket", str(socket), "--save", ""]
        self._redis = running([words])
        self._redis.__enter__()
        deadline = time.monotonic() + PATIENCE
        while not socket.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        self._redis.__exit__(None, None, None)
        self._directory.cleanup()

    def enqueue(self, function: str, *arguments: Any) -> Any:
        from bench import celery_app

        return getattr(celery_app, function).delay(*arguments)

    @contextmanager
    def working(self) -> Iterator[None]:
        words = [sys.executable, "-W", "ignore", "-m", "celery", "--quiet", "--app", "bench.celery_app", "worker"]
        with running([[*words, "--loglevel", "ERROR", "--concurrency", str(self.processes)]]):
            yield

    def value(self, call: Any, *, pause: float) -> Any:
        return call.get(timeout=PATIENCE)  # it is told, and need not look

    def end(self, call: Any) -> float:
        return call.date_done.timestamp()

    def forget(self) -> None:
        from bench.celery_app import app

        app.control.purge()


@contextmanager
def running(commands: Sequence[Sequence[str]]) -> Iterator[None]:
    """Run programs, and end them."""
    children = [subprocess.Popen(words, stdout=subprocess.DEVNULL) for words in commands]
    try:
        yield
    finally:
        for child in children:
            child.terminate()
        for child in children:
            try:
                child.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


SYSTEMS = {"brokerless": ProcessPerTask, "django_tasks_db": DatabaseWorkers, "celery": CeleryWithRedis}
