"""The demonstration, as `make demo` runs it once it has made its environment."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from tests.system.running_site import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.system.running_site import RunningSite


def test_the_demonstration_exports_mails_and_stops(new_site: Callable[..., RunningSite]) -> None:
    site = new_site()

    done = site.manage("demo", "--once", "--port", free_port())

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^(Running|Successful) \d+ % of [\d,]+ books$", done.stdout, re.MULTILINE)
    assert re.search(r"^task: http://127\.0\.0\.1:\d+/tasks/[0-9a-f-]{36}/ SUCCESSFUL$", done.stdout, re.MULTILINE)
    path, rows, size = re.search(r"^file: (.+) rows=(\d+) bytes=(\d+)$", done.stdout, re.MULTILINE).groups()
    assert Path(path).stat().st_size == int(size)
    assert int(rows) == site.query("SELECT count(*) FROM library_book")[0][0]
    mail = re.search(r"^mail: (.+)$", done.stdout, re.MULTILINE)[1]
    assert "To: demo@example.org" in Path(mail).read_text()
    assert not site.task_processes()


def test_a_port_in_use_is_said_in_a_sentence(new_site: Callable[..., RunningSite]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        done = new_site().manage("demo", "--once", "--port", port)

    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"CommandError: Port {port} cannot be used (Address already in use): choose another with PORT=8001."
    )
