"""Running a coroutine so that a request to stop reaches it."""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync

from brokerless import inline
from brokerless.exceptions import TaskCancelled
from brokerless.functions.statements import ThreadsStatements

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator


def run_coroutine(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end and return what it returns; the first SIGTERM cancels it at its next `await`.

    Not by `async_to_sync`, whose coroutine runs in a thread that no signal reaches. What is executed for it in a
    database is interrupted, too. Raises TaskCancelled for a coroutine that ended for that signal; a further one
    raises it wherever the process is, as in any command.
    """
    if inline.substitute() is not None:
        return _run_beside_test(coroutine)
    with (
        ThreadsStatements() as statements,
        asyncio.Runner() as runner,
        _Cancellation(runner.get_loop(), statements).by_sigterm() as cancellation,
    ):
        try:
            return runner.run(cancellation.watch(coroutine))
        except asyncio.CancelledError:
            if cancellation.is_asked:
                raise TaskCancelled from None
            raise


def _run_beside_test(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine whose statements are this thread's: they see what the test's transaction holds."""

    async def run() -> Any:
        try:
            return await coroutine
        except TaskCancelled as error:  # would end the loop, which may be the test's
            return error

    found = async_to_sync(run)()
    if isinstance(found, TaskCancelled):
        raise found
    return found


class _Cancellation:
    """Does for SIGTERM what `asyncio.Runner` does for SIGINT."""

    def __init__(self, loop: asyncio.AbstractEventLoop, statements: ThreadsStatements) -> None:
        self.is_asked = False
        self._loop = loop
        self._statements = statements
        self._task: asyncio.Task | None = None

    async def watch(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        self._task = asyncio.current_task()
        return await coroutine

    @contextmanager
    def by_sigterm(self) -> Iterator[_Cancellation]:
        usual = signal.getsignal(signal.SIGTERM)
        # By hand nothing is to be done about it, and only the main thread can.
        if not callable(usual) or threading.current_thread() is not threading.main_thread():
            yield self
            return

        def handle(number: int, frame: Any) -> None:
            self._statements.interrupt()
            if self.is_asked or self._task is None:
                usual(number, frame)
                return
            self.is_asked = True
            self._task.cancel()
            self._loop.call_soon_threadsafe(lambda: None)  # it may be waiting for something else to happen

        signal.signal(signal.SIGTERM, handle)
        try:
            yield self
        finally:
            signal.signal(signal.SIGTERM, usual)
