"""Doing one thing in several threads at the same moment."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

from django.db import connections

if TYPE_CHECKING:
    from collections.abc import Callable

WITHIN = 30.0  # seconds

Value = TypeVar("Value")


def at_once(count: int, act: Callable[[int], Value]) -> list[Value]:
    """Call `act(number)` in so many threads that start together, and return what they returned, in any order.

    Raises the first error of a thread.
    """
    barrier = threading.Barrier(count)
    returned: list[Value] = []
    errors: list[Exception] = []

    def run(number: int) -> None:
        try:
            barrier.wait(WITHIN)
            returned.append(act(number))
        except Exception as error:  # raised below, where the test sees it
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WITHIN)
    if errors:
        raise errors[0]
    assert not any(thread.is_alive() for thread in threads)
    return returned
