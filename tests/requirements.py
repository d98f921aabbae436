"""What a test needs of the machine: skipped with a reason where it is missing, a failure with REQUIRE=all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
AXE = Path(__file__).parent / "system" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
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


def axe() -> str:
    """Return the script of axe-core, which finds what keeps people from using a page."""
    require("axe-core", AXE.exists(), remedy="install npm, and run make tests/system/axe/node_modules")
    return AXE.read_text()


def webkit_driver() -> str:
    """Return the path of the driver of WebKitGTK, which is the engine of Safari."""
    driver = shutil.which("WebKitWebDriver") or ""
    require("WebKit", driver, remedy="install the Debian package webkit2gtk-driver")
    require("Xvfb", shutil.which("Xvfb"), remedy="WebKit needs a screen: install the Debian package xvfb")
    return driver
