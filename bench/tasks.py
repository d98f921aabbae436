"""The functions that are measured, as tasks of Django's."""

import time

import django

if django.VERSION >= (6, 0):
    from django.tasks import task
else:
    from django_tasks import task


@task
def add(a: int, b: int) -> int:
    return a + b


@task
def now() -> float:
    return time.time()
