"""The main job over HTTP, on each database: ask, watch, fetch."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from typing import TYPE_CHECKING

from tests.eventually import eventually
from tests.system.running_site import JSON, finished

if TYPE_CHECKING:
    from tests.system.running_site import RunningSite

BOOKS = 20_000


def test_an_export_is_made_watched_and_fetched(empty_site: RunningSite) -> None:
    empty_site.manage_well("generate_books", BOOKS)
    empty_site.start()
    visitor = empty_site.visitor()
    task_url = empty_site.ask_for_export(visitor, email_me=True)

    task = finished(visitor, task_url)

    assert task["status"] == "SUCCESSFUL", task
    assert task["progress"]["current"] == BOOKS
    assert task["result"]["rows"] == BOOKS
    assert task["result"]["mailed_to"] == ["ann@example.org"]
    answer = visitor.get(empty_site.url + task["links"]["download"])
    assert answer.headers["Content-Type"] == "application/gzip"
    assert "Content-Encoding" not in answer.headers
    assert hashlib.sha256(answer.content).hexdigest() == task["result"]["sha256"]
    rows = list(csv.reader(io.StringIO(gzip.decompress(answer.content).decode())))
    assert len(rows) == BOOKS + 1
    assert len(list((empty_site.directory / "mail").iterdir())) == 1
    assert not empty_site.leftovers()
    eventually(lambda: not empty_site.task_processes(), why="the processes of the task are gone")


def test_nobody_sees_the_task_or_the_file_of_somebody_else(site: RunningSite) -> None:
    owner = site.visitor()
    task_url = site.ask_for_export(owner, language="rus")
    file_url = site.url + finished(owner, task_url)["links"]["download"]
    assert owner.get(file_url).status_code == 200

    other = site.visitor("bob")

    assert other.get(task_url, headers=JSON).status_code == 404
    assert other.get(file_url).status_code == 404
    assert other.post(f"{task_url}cancel", headers=JSON).status_code == 404
    assert other.get(f"{site.url}/tasks/", headers=JSON).json()["tasks"] == []


def test_generated_books_are_there_after_the_task(site: RunningSite) -> None:
    before = site.query("SELECT count(*) FROM library_book")[0][0]
    visitor = site.visitor()
    answer = visitor.post(f"{site.url}/books/generate/", data={"count": "3000"}, allow_redirects=False)
    assert answer.status_code == 303, answer.text

    task = finished(visitor, site.url + answer.headers["Location"])

    assert task["status"] == "SUCCESSFUL", task
    assert site.query("SELECT count(*) FROM library_book")[0][0] == before + 3000


def test_two_exports_survive_a_restart_of_the_server(site: RunningSite) -> None:
    visitor = site.visitor()
    tasks = [site.ask_for_export(visitor), site.ask_for_export(visitor, available=True)]
    for task_url in tasks:
        site.pids(task_url)

    site.stop()
    still_running = len(site.task_processes())
    site.start()  # on the same port, which no task holds

    assert still_running > 0
    for task_url in tasks:
        assert finished(visitor, task_url)["status"] == "SUCCESSFUL"
