"""Task functions that do what functions are not supposed to do, or say what they find themselves in."""

import asyncio
import logging
import os
import signal
import time
from contextlib import suppress
from io import StringIO
from pathlib import Path

import django
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import translation

from brokerless import FinalError, current_task, track
from brokerless.models import TaskState

if django.VERSION >= (6, 0):
    from django.tasks import task
else:
    from django_tasks import task

LONG = 300.0  # seconds; longer than any test waits


def leave_word(directory, name, text=""):
    """Leave word for the test, whole or not at all."""
    unfinished = Path(directory) / f".{name}"
    unfinished.write_text(text or "yes")
    unfinished.rename(Path(directory) / name)


@task
def add(first, second=1):
    return first + second


@task
def greet(name):
    return f"Hello, {name}"


@task
def nothing():
    """Return nothing."""


@task
async def add_later(first, second=1):
    await asyncio.sleep(0)
    return first + second


@task(takes_context=True)
def tell_context(context):
    task_result = context.task_result
    return {
        "id": task_result.id,
        "attempt": context.attempt,
        "status": task_result.status,
        "workers": task_result.worker_ids,
        "current": str(current_task().id),
        "row": str(current_task().state.pk),
        "language": translation.get_language(),
        "user": str(current_task().context.user),
        "pid": os.getpid(),
    }


@task
def fail(text):
    raise ValueError(text)


@task
def fail_plainly(text):
    raise CommandError(text)


@task
def fail_for_good(text):
    raise FinalError(text)


@task
def leave(code=None):
    raise SystemExit(code)


@task
def interrupt():
    raise KeyboardInterrupt("by itself")


@task
def return_what_is_no_json(kind):
    return {"function": lambda: 1, "nan": float("nan"), "bytes": b"\xff", "nul": "\0"}[kind]


@task
def set_result(value, returned=None):
    current_task().result = value
    return returned


@task
def count(directory, total):
    for number in track(range(total), unit="steps", message="Counting"):
        if number == total - 1:
            leave_word(directory, "counted")
            time.sleep(LONG)


@task
def hang(directory):
    leave_word(directory, "started", str(os.getpid()))
    time.sleep(LONG)


@task
async def hang_in_a_coroutine(directory):
    leave_word(directory, "started")
    try:
        await asyncio.sleep(LONG)
    finally:
        await asyncio.sleep(0)
        leave_word(directory, "cleaned")


@task
async def take_no_notice(directory):
    leave_word(directory, "started")
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(LONG)
    await asyncio.sleep(LONG)


@task
async def hang_in_a_thread(directory):
    leave_word(directory, "started")
    await sync_to_async(time.sleep)(LONG)


@task
async def hang_in_a_query(directory):
    """Have PostgreSQL, or for its loop SQLite, execute a statement that does not end."""

    def query():
        leave_word(directory, "started")
        with connection.cursor() as cursor:
            cursor.execute(
                "select pg_sleep(300)"
                if connection.vendor == "postgresql"
                else "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"
            )

    await sync_to_async(query)()


@task
def call_another(*_arguments):
    output = StringIO()
    call_command("call_task", "tests.probes.functions.add", "--arguments", "[100, 200]", stdout=output)
    return output.getvalue()


@task
def stop_oneself():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LONG)


@task(takes_context=True)
def succeed_at_attempt(context, number):
    """Fail in the attempts before that one."""
    logging.getLogger("tests").info("attempt %s", context.attempt)
    if context.attempt < number:
        raise ValueError(f"attempt {context.attempt}")
    return context.attempt


@task
def write_line(path):
    """Append a line that says which task this is; such a short one is written whole."""
    with Path(path).open("a") as file:
        file.write(f"{current_task().id}\n")


@task
def enqueue_another(number):
    return add.enqueue(number, 1).id


@task
async def count_users():
    return await get_user_model().objects.acount()


@task
async def cancel_oneself():
    state = await TaskState.objects.aget(pk=current_task().id)
    await state.acancel()
    for _ in track(range(3)):
        await asyncio.sleep(0)
