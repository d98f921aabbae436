"""The story once in WebKit, the engine of Safari, as Debian has it."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.eventually import eventually
from tests.requirements import webkit_driver
from tests.system.running_site import PASSWORD, USER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium.webdriver.remote.webdriver import WebDriver

    from tests.system.running_site import RunningSite


@contextmanager
def screen() -> Iterator[str]:
    """Give a display that nobody sees: MiniBrowser has no mode without one."""
    reading, writing = os.pipe()
    words = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x1024x24", "-nolisten", "tcp"]
    server = subprocess.Popen(words, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as number:
            yield f":{number.readline().strip()}"
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def webkit(tmp_path) -> Iterator[WebDriver]:
    path = webkit_driver()
    from selenium.webdriver import WebKitGTK
    from selenium.webdriver.webkitgtk.options import Options
    from selenium.webdriver.webkitgtk.service import Service

    with screen() as display:
        # A browser that is nobody's, with neither a session bus nor a graphics card.
        own = {"DISPLAY": display, "HOME": str(tmp_path), "WEBKIT_DISABLE_DMABUF_RENDERER": "1"}
        driver = WebKitGTK(options=Options(), service=Service(path, env=os.environ | own))
        yield driver
        driver.quit()


# Selenium's own way to its drivers is what it warns of.
@pytest.mark.filterwarnings("ignore:setting remote_server_addr:DeprecationWarning")
def test_an_export_is_asked_for_and_watched(site: RunningSite, webkit: WebDriver) -> None:
    def find(selector: str):
        found = webkit.find_elements("css selector", selector)
        return found[0] if found else None

    webkit.get(f"{site.url}/books/?language=rus")
    find("#id_username").send_keys(USER)
    find("#id_password").send_keys(PASSWORD)
    find("main form button").click()
    eventually(lambda: find(".books-export button"), why="the books are shown").click()
    # What is told at the end without the page being loaded anew: module, custom elements, polls and streams work.
    eventually(lambda: find("task-progress"), why="the task's page is shown")
    webkit.execute_script("window.wasHere = true")
    shown = eventually(lambda: find(".bl-status-successful"), why="the end is shown", within=30)
    assert "Successful" in shown.text
    assert find(".bl-download a").get_attribute("href").startswith(f"{site.url}/exports/files/")

    webkit.get(f"{site.url}/books/generate/")
    find("#id_count").send_keys("1000000")
    find("main form button").click()
    bar = eventually(lambda: find("progress[value]"), why="the bar is shown", within=20)
    before = float(bar.get_attribute("value"))
    eventually(lambda: float(find("progress").get_attribute("value")) > before, why="the bar moves")
    find(".bl-page form[action$=cancel]").submit()
    eventually(lambda: find(".bl-status-cancelled"), why="the end is shown", within=20)
