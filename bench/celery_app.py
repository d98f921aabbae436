"""The same functions, as tasks of Celery's."""

import os
import time

from celery import Celery

app = Celery("bench", broker=os.environ["BENCH_REDIS"], backend=os.environ["BENCH_REDIS"])


@app.task
def add(a: int, b: int) -> int:
    return a + b


@app.task
def now() -> float:
    return time.time()
