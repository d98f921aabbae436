"""The fixture `inline_tasks` for pytest: put `pytest_plugins = ["brokerless.pytest_plugin"]` into the conftest.py.

No entry point: it would have pytest look through this package in suites that have no use for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brokerless.testing import InlineTasks


@pytest.fixture
def inline_tasks() -> Iterator[InlineTasks]:
    """Have tasks that the test launches run in its own process; see `brokerless.testing.inline_tasks()`."""
    # Only now, as it needs Django to be set up.
    from brokerless import testing

    with testing.inline_tasks() as tasks:
        yield tasks
