"""One measurement, in a process of its own: `python -m bench.measure KIND COUNT`; prints its figures as JSON.

The environment says what of: BENCH_APP, BENCH_PROCESSES, and what `bench.settings` reads.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

from bench.systems import SYSTEMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.systems import System

REPETITIONS = 3
OFTEN, SELDOM = 0.005, 0.05  # seconds between two looks at a result


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it is cleaned up
    kind, count = sys.argv[1], int(sys.argv[2])
    with SYSTEMS[os.environ["BENCH_APP"]](int(os.environ["BENCH_PROCESSES"])) as system:
        print(json.dumps(KINDS[kind](system, count)))


def enqueuing(system: System, count: int) -> dict[str, list[float]]:
    """Calls enqueued per second, one after another by this process, each committed by itself."""
    system.enqueue("add", 1, 2)  # imports, connections
    return {"enqueued": [_enqueued_per_second(system, count) for _ in range(REPETITIONS)]}


def _enqueued_per_second(system: System, count: int) -> float:
    begun = time.perf_counter()
    for number in range(count):
        system.enqueue("add", number, 1)
    rate = count / (time.perf_counter() - begun)
    system.forget()
    return rate


def alone(system: System, count: int) -> dict[str, list[float]]:
    """Seconds from the call of `enqueue()` until the function runs, and until its result is seen."""
    figures: dict[str, list[float]] = {"until_it_runs": [], "until_its_result": []}
    with system.working():
        system.value(system.enqueue("now"), pause=OFTEN)  # start-up
        for number in range(count):
            # What looks only now and then is met at each part of its pause.
            time.sleep((number + 0.5) / count)
            begun = time.time()
            started = system.value(system.enqueue("now"), pause=OFTEN)
            figures["until_its_result"].append(time.time() - begun)
            figures["until_it_runs"].append(started - begun)
    return figures


def finishing(system: System, count: int) -> dict[str, list[float]]:
    """Calls finished per second, of such as were enqueued before anything ran."""
    return {"finished": [_finished_per_second(system, count) for _ in range(REPETITIONS)]}


def _finished_per_second(system: System, count: int) -> float:
    calls = [system.enqueue("add", number, 1) for number in range(count)]
    with system.working():
        values = [system.value(call, pause=SELDOM) for call in calls]
    assert values == [number + 1 for number in range(count)]
    ends = sorted(system.end(call) for call in calls)
    # Those that a worker's own start is part of are not counted.
    early = max(system.processes, count // 10)
    return (count - early) / (ends[-1] - ends[early - 1])


KINDS: dict[str, Callable[[System, int], dict[str, list[float]]]] = {
    "enqueuing": enqueuing,
    "alone": alone,
    "finishing": finishing,
}

if __name__ == "__main__":
    main()
