"""Every answer of the example site says what its page may load: its own files, and nothing within it."""

from __future__ import annotations

import pytest

from brokerless.models import TaskState

POLICY = {
    "default-src": "'self'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "object-src": "'none'",
}


def policy_of(response) -> dict[str, str]:
    parts = response.headers["Content-Security-Policy"].split(";")
    return dict(part.strip().split(" ", 1) for part in parts)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 302),
        ("/books/", 200),
        ("/tasks/", 200),
        ("/exports/books/", 200),
        ("/tasks/00000000-0000-4000-8000-000000000000/", 404),
        ("/no/such/page/", 404),
        ("/authors/recompute/", 302),
    ],
)
def test_a_page_has_the_policy(browser, path, status):
    response = browser.get(path)
    assert response.status_code == status
    assert policy_of(response) == POLICY


def test_what_is_no_page_has_it_too(browser, program, visitor, make_task, ann):
    task = make_task(ann, status=TaskState.Status.SUCCESSFUL)
    answers = [
        program.get(f"/tasks/{task.pk}/"),
        program.post(f"/tasks/{task.pk}/cancel"),
        visitor.get("/tasks/", headers={"accept": "application/json"}),
        browser.get("/books/export/streaming/"),
    ]
    assert [answer.status_code for answer in answers] == [200, 409, 401, 200]
    assert [policy_of(answer) for answer in answers] == [POLICY] * 4


def test_who_may_not_see_a_page_reads_so_in_the_site_s_look(browser_of, person):
    response = browser_of(person("cleo")).get("/books/")
    assert response.status_code == 403
    assert "Your account may not see this page." in response.content.decode()
    assert policy_of(response) == POLICY
