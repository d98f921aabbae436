"""What a test needs of the machine: skipped with a reason where it is missing, a failure with REQUIRE=all."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
POSTGRES_URL = os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")


def missing(what: str, reason: str) -> NoReturn:
    """Skip the test for want of something; fail it where everything is said to be there."""
    text = f"needs {what}: {reason}"
    if os.environ.get("REQUIRE") == "all":
        pytest.fail(f"REQUIRE=all, but the test {text}", pytrace=False)
    pytest.skip(text)


def require(what: str, found: object, *, remedy: str) -> None:
    """Go on only if `found` is true."""
    if not found:
        missing(what, remedy)


def chromium() -> str:
    """Return the path of a Chromium, from CHROMIUM or by its usual names."""
    named = os.environ.get("CHROMIUM")
    found = next(filter(None, map(shutil.which, [named] if named else CHROMIUM_NAMES)), "")
    require("Chromium", found, remedy="install the Debian package chromium, or set CHROMIUM to its path")
    return found
