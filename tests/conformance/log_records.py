"""Log records on their way from a task's process to the test's.

Tests expect what a task logs in their own process, where a backend that runs it there logs it. So each task's
process keeps its records in a file, and the test's process handles them once more.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from brokerless import current_task

if TYPE_CHECKING:
    from collections.abc import Iterator


class RecordKeeper(logging.Handler):
    """Appends the records of a task to its file, one JSON object a line; keeps none of any other process."""

    def emit(self, record: logging.LogRecord) -> None:
        task = current_task()
        if task is None:
            return
        kept = {
            "name": record.name,
            "levelno": record.levelno,
            "levelname": record.levelname,
            "msg": record.getMessage(),
            # The text: an exception is an object of its process.
            "exc_text": logging.Formatter().formatException(record.exc_info) if record.exc_info else None,
        }
        with _path(str(task.id)).open("a", encoding="utf-8") as file:
            print(json.dumps(kept), file=file)


def handle_again(task_id: str) -> None:
    """Have this process's loggers handle what a task has logged in its own."""
    for record in _records(task_id):
        logger = logging.getLogger(record.name)
        if logger.isEnabledFor(record.levelno):
            logger.handle(record)


def _records(task_id: str) -> Iterator[logging.LogRecord]:
    path = _path(task_id)
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            yield logging.makeLogRecord(json.loads(line))


def _path(task_id: str) -> Path:
    return Path(settings.DIRECTORY) / f"{task_id}.records"
