"""A task in every status with what belongs to it, as rows that nobody had to wait for.

Run inside the site, by `manage.py shell`; see `add_to()`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from tests.system.running_site import PASSWORD, USER

if TYPE_CHECKING:
    from tests.system.running_site import RunningSite

STAFF = "ida"
TRACEBACK = """Traceback (most recent call last):
  File "library/management/commands/load_books.py", line 41, in handle
    for batch in batches(read(path)):
  File "library/goodbooks.py", line 88, in read
    raise ValueError(f"line {number}: {found} columns, {COLUMNS} are needed")
ValueError: line 1874: 21 columns, 23 are needed"""
ATTEMPT_FAILED = {
    "type": "ConnectionError",
    "title": "ConnectionError: the catalogue did not answer",
    "detail": "",
}
OUTPUT = "".join(f"{number:,} books written\n" for number in range(10_000, 130_000, 10_000))


class Sampled(NamedTuple):
    """A site with the sample in it, and the path of each row's page by what it shows."""

    site: RunningSite
    paths: dict[str, str]
    # Of all that runs: it is alive, and does nothing.
    monitor: subprocess.Popen[bytes]

    def end(self) -> None:
        self.site.stop()
        self.monitor.kill()
        self.monitor.wait()
        self.site.end()


def add_to(site: RunningSite) -> Sampled:
    """Make the accounts and rows."""
    words = [sys.executable, "-c", "import signal; signal.pause()"]
    monitor = subprocess.Popen(words, env=site.environment, cwd=site.directory)
    making = f"from tests.system import sample; sample.make({monitor.pid})"
    said = site.manage_well("shell", "--verbosity", 0, "--command", making)
    return Sampled(site, json.loads(said.splitlines()[-1]), monitor)


def make(monitor_pid: int) -> None:
    """Write the rows, and print their paths as JSON."""
    from django.contrib.auth.models import Permission, User

    ann = User.objects.get(username=USER)
    ann.user_permissions.add(
        *Permission.objects.filter(codename__in=["view_author", "recompute_authorstatistics"])
    )
    User.objects.create_superuser(STAFF, "ida@example.org", PASSWORD)
    paths = _tasks(ann, monitor_pid) | _files(ann)
    _untold(User.objects.get(username="bob"))
    _untold(User.objects.create_user("cleo", "cleo@example.org", PASSWORD))
    print(json.dumps(paths))


def _tasks(owner, monitor_pid: int) -> dict[str, str]:
    from django.utils import timezone

    from brokerless.models import TaskState
    from brokerless.processes import host_name, identify
    from brokerless.runtime_dir import TaskFiles

    Status = TaskState.Status  # noqa: N806 - as everywhere
    now = timezone.now()
    monitor = identify(monitor_pid)
    begun = {
        "lease": 1,
        "host": host_name(),
        "claimed_at": now - timedelta(seconds=41),
        "monitor_pid": monitor.pid,
        "monitor_start": monitor.start,
    }
    runs = begun | {
        "status": Status.RUNNING,
        "attempt": 1,
        "started_at": now - timedelta(seconds=40),
        "heartbeat_at": now,
    }
    ended = begun | {
        "attempt": 1,
        "started_at": now - timedelta(minutes=9),
        "finished_at": now - timedelta(minutes=8),
        "end_shown_at": now,
        "cpu_seconds": 41.3,
        "peak_memory": 88_000_000,
    }
    numbers = {"progress_current": 127_400, "progress_unit": "books", "progress_rate": 3_185.0}
    halves = {"progress_total": 283_000, "progress_message": "Writing books.csv.gz"}
    told = {
        "notices": [
            {
                "number": 1,
                "at": (now - timedelta(seconds=9)).isoformat(),
                "text": "The first 100,000 books are written.",
            }
        ]
    }
    shown = {"notices_count": 1, "notices_shown": 1}
    failed_before = {
        "max_attempts": 3,
        "errors": [{"attempt": number, "at": now.isoformat(), **ATTEMPT_FAILED} for number in (1, 2)],
    }
    export = {"command": "export_books", "queue": "exports"}
    error = {
        "error_type": "ValueError",
        "error_title": TRACEBACK.splitlines()[-1],
        "error_detail": TRACEBACK,
        "exit_code": 1,
    }
    rows = {
        # Nothing of another host's is started here, and in this queue there is no free place.
        "waiting": {"queue": "statistics", "command": "export_authors", "title": "Authors"},
        "waiting until": {"run_after": now + timedelta(days=1), "title": "Generate 5,000 books"},
        "waiting again": {
            "run_after": now + timedelta(days=1),
            "lease": 2,
            "attempt": 2,
            "title": "Load books",
            "command": "load_books",
        }
        | failed_before,
        "starting": begun
        | {"status": Status.STARTING, "claimed_at": now + timedelta(hours=1), "title": "Generate 700 books"},
        "running": runs | export | numbers | halves | told | shown | {"title": "Books, English, from 1970"},
        "counting": runs | numbers | {"queue": "statistics", "title": "Recompute the statistics of authors"},
        "cancelling": runs
        | numbers
        | halves
        | {"cancel_requested_at": now, "cancel_requested_by": owner, "title": "Generate 283,000 books"},
        "exported": ended | export | {"status": Status.SUCCESSFUL, "title": "Books, Russian"},
        "expired": ended | export | {"status": Status.SUCCESSFUL, "title": "Books, French"},
        "done": ended | {"status": Status.SUCCESSFUL, "title": "Generate 1,000 books"},
        "failed": ended
        | error
        | failed_before
        | {"status": Status.FAILED, "lease": 3, "attempt": 3, "command": "load_books", "title": "Load books"},
        "cancelled": ended
        | {
            "status": Status.CANCELLED,
            "cancel_requested_at": now,
            "cancel_requested_by": owner,
            "title": "Generate 90,000 books",
        },
        "lost": ended
        | {
            "status": Status.LOST,
            "error_type": "lost",
            "error_title": "The monitor is gone, and nobody knows how the command ended.",
            "title": "Load the catalogue",
        },
    }
    made = {}
    for place, (name, values) in enumerate(rows.items()):
        # Newest first, as they are listed.
        created = values.get("started_at", now) - timedelta(seconds=2 + place)
        usual = {"command": "generate_books", "owner": owner, "created_at": created}
        task = made[name] = TaskState.objects.create(**usual | values)
        if task.attempt:
            with os.fdopen(TaskFiles(task.pk, task.lease).open_log(), "w") as log:
                log.write(OUTPUT + (task.error_detail and f"{task.error_detail}\n"))
    return {name: f"/tasks/{task.pk}/" for name, task in made.items()}


def _files(owner) -> dict[str, str]:
    import hashlib

    from django.core.files.base import ContentFile
    from django.urls import reverse
    from django.utils import timezone

    from brokerless.exports.files.links import sign
    from brokerless.exports.files.storing import describe
    from brokerless.exports.models import Delivery, ExportFile
    from brokerless.models import TaskState

    data = b"\x1f\x8b of books" * 4_000
    now = timezone.now()
    usual = {
        "exporter": "books",
        "owner": owner,
        "was_owned": True,
        "rows": 10_000,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "ready_at": now - timedelta(minutes=8),
    }
    exported, expired = (TaskState.objects.get(title=f"Books, {language}") for language in ("Russian", "French"))
    kept = ExportFile.objects.create(
        name="books-rus.csv.gz", task=exported, title="Books, Russian", expires_at=now + timedelta(days=6), **usual
    )
    kept.storage.save(kept.storage_name, ContentFile(data))
    gone = ExportFile.objects.create(
        name="books-fre.csv.gz", task=expired, title="Books, French", expires_at=now - timedelta(days=1), **usual
    )
    for task, file in ((exported, kept), (expired, gone)):
        task.result = describe(file)
        task.save(update_fields=["result"])
    delivery = Delivery.objects.create(
        file=kept, recipient="ann@example.org", status="SENT", is_link=True, sent_at=now, task=exported
    )
    Delivery.objects.create(file=gone, recipient="ann@example.org", status="REFUSED", detail="550 no such user")
    about = {
        f"{name} file": reverse("brokerless_exports:about_file", args=[file.pk])
        for name, file in (("kept", kept), ("gone", gone))
    }
    return about | {"shared": reverse("brokerless_exports:shared", args=[sign(delivery)])}


def _untold(owner) -> None:
    """Make ends that no page has told yet."""
    from django.utils import timezone

    from brokerless.models import TaskState

    now = timezone.now()
    ended = {
        "command": "export_books",
        "owner": owner,
        "attempt": 1,
        "lease": 1,
        "started_at": now,
        "finished_at": now,
    }
    TaskState.objects.create(title="Books, English", status=TaskState.Status.SUCCESSFUL, **ended)
    failure = {"error_type": "ValueError", "error_title": TRACEBACK.splitlines()[-1]}
    TaskState.objects.create(title="Load books", status=TaskState.Status.FAILED, **failure | ended)
