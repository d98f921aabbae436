"""Who may reach what, and by which method: the same rules at every address."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import Permission

from brokerless.models import TaskState
from tests.site.page_parts import Page

if TYPE_CHECKING:
    from django.test import Client

PAGES = [
    "/books/",
    "/books/generate/",
    "/authors/",
    "/tasks/",
    "/tasks/{task}/",
    "/tasks/{task}/log",
    "/exports/books/",
]
TASK_PAGES = ["/tasks/{task}/", "/tasks/{task}/log"]
PRODUCT_PAGES = [page for page in PAGES if not page.startswith(("/books/", "/authors/"))]


@pytest.fixture
def task(make_task, ann) -> TaskState:
    return make_task(ann)


@pytest.mark.parametrize("page", PAGES)
def test_a_visitor_is_sent_to_log_in_and_comes_back(visitor, task, page):
    url = page.format(task=task.pk)
    response = visitor.get(url)
    assert (response.status_code, response.url) == (302, f"/login/?next={url}")


def test_the_query_is_kept_over_the_login(visitor):
    assert visitor.get("/tasks/?status=FAILED&page=2").url == "/login/?next=/tasks/%3Fstatus%3DFAILED%26page%3D2"


@pytest.mark.parametrize("page", PRODUCT_PAGES)
def test_a_program_without_a_login_gets_401(site, program_of, task, page):
    response = program_of(None).get(page.format(task=task.pk))
    assert response.status_code == response.json()["status"] == 401
    assert response["Content-Type"] == "application/problem+json"


def test_after_the_login_an_action_leads_to_its_task(visitor, task):
    """Its own address cannot be visited."""
    response = visitor.post(f"/tasks/{task.pk}/cancel")
    assert response.url == f"/login/?next=/tasks/{task.pk}/"
    assert not TaskState.objects.get().cancel_requested_at


@pytest.mark.parametrize("action", ["/tasks/selected", "/tasks/notices"])
@pytest.mark.parametrize(
    ("way", "page"),
    [
        ("/tasks/?status=FAILED", "/tasks/?status=FAILED"),
        ("/books/", "/books/"),
        ("https://elsewhere.example/", "/tasks/"),
        ("//elsewhere.example/", "/tasks/"),
        (None, "/tasks/"),
    ],
)
def test_after_the_login_an_action_leads_to_the_page_that_it_was_on(visitor, ann, action, way, page):
    response = visitor.post(action, {"action": "cancel"} | ({"next": way} if way else {}))
    ann.set_password("secret")
    ann.save()
    response = visitor.post(response.url, {"username": "ann", "password": "secret"})
    assert response.url == page
    assert visitor.get(page).status_code == 200


def test_after_the_login_an_export_leads_to_its_form(visitor):
    assert visitor.post("/exports/books/", {}).url == "/login/?next=/exports/books/"
    assert not TaskState.objects.exists()


@pytest.mark.parametrize("page", PAGES)
def test_the_owner_reaches_it_with_get_and_head(browser, task, page):
    url = page.format(task=task.pk)
    assert browser.get(url).status_code == 200
    response = browser.head(url)
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE"])
def test_no_other_method_is_taken(browser, task, page, method):
    response = browser.generic(method, page.format(task=task.pk))
    assert response.status_code == 405
    assert "GET" in response["Allow"]


@pytest.mark.parametrize("page", [*TASK_PAGES, "/tasks/", "/books/"])
def test_what_is_only_read_takes_no_post(browser, task, page):
    assert browser.post(page.format(task=task.pk)).status_code == 405


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_to_cancel_is_to_post(browser, task, method):
    response = browser.generic(method, f"/tasks/{task.pk}/cancel")
    assert (response.status_code, response["Allow"]) == (405, "POST")
    task.refresh_from_db()
    assert task.status == "READY"


@pytest.mark.parametrize("page", TASK_PAGES)
def test_somebody_else_s_task_is_not_found(bob, browser_of, program_of, task, page):
    url = page.format(task=task.pk)
    assert browser_of(bob).get(url).status_code == 404
    hidden = program_of(bob).get(url)
    missing = program_of(bob).get(page.format(task=uuid.uuid4()))
    assert hidden.status_code == 404
    assert hidden.content == missing.content


def test_nobody_cancels_somebody_else_s_task(bob, browser_of, task):
    assert browser_of(bob).post(f"/tasks/{task.pk}/cancel").status_code == 404
    task.refresh_from_db()
    assert (task.status, task.cancel_requested_at) == ("READY", None)


@pytest.mark.parametrize("page", TASK_PAGES)
def test_a_task_without_an_owner_is_for_staff(make_task, bob, staff, browser_of, page):
    url = page.format(task=make_task(None).pk)
    assert browser_of(staff).get(url).status_code == 200
    assert browser_of(bob).get(url).status_code == 404


def test_staff_need_a_permission_for_other_people_s_tasks(auditor, staff, browser_of, task):
    url = f"/tasks/{task.pk}/"
    assert browser_of(staff).get(url).status_code == 404
    assert browser_of(auditor).get(url).status_code == 200


@pytest.fixture
def auditor(person):
    """Somebody who may look at everything and change nothing."""
    return person("auditor", "view_taskstate", is_staff=True)


@pytest.fixture
def operator(person):
    allowed = ["view_taskstate", "cancel_taskstate", "retry_taskstate", "change_taskstate"]
    return person("operator", *allowed, is_staff=True)


def offered(task, program, browser) -> set[str]:
    """Return what a task's JSON offers beside itself and its log; its page offers the same."""
    links = program.get(f"/tasks/{task.pk}/").json()["links"]
    page = Page(browser.get(links["self"]).content.decode())
    actions = {name: f"/tasks/{task.pk}/{name}" for name in ("cancel", "retry")}
    shown = actions | {"download": "/reports/1/"}
    found = {name for name, url in shown.items() if page.count("form", action=url) + page.count("a", href=url)}
    assert found == set(links) - {"self", "log"}
    return found


@pytest.mark.parametrize("is_owned", [True, False])
def test_to_see_a_task_is_not_to_act_on_it(make_task, ann, auditor, browser_of, program_of, is_owned):
    task = make_task(ann if is_owned else None)
    made = make_task(task.owner, status="SUCCESSFUL", result={"download": "/reports/1/"})
    program, browser = program_of(auditor), browser_of(auditor)
    assert offered(task, program, browser) == offered(made, program, browser) == set()
    problem = program.post(f"/tasks/{task.pk}/cancel")
    assert problem.status_code == problem.json()["status"] == 403
    assert browser.post(f"/tasks/{task.pk}/cancel").status_code == 403
    assert browser.post(f"/tasks/{made.pk}/cancel").status_code == 403
    task.refresh_from_db()
    assert (task.status, task.cancel_requested_at) == ("READY", None)


def test_staff_without_a_permission_only_see_a_task_without_an_owner(make_task, staff, browser_of, program_of):
    task = make_task(None)
    assert offered(task, program_of(staff), browser_of(staff)) == set()
    assert program_of(staff).post(f"/tasks/{task.pk}/cancel").status_code == 403


@pytest.mark.parametrize("is_owned", [True, False])
def test_staff_with_the_permissions_act_on_all_they_see(
    make_task, ann, operator, browser_of, program_of, is_owned
):
    task = make_task(ann if is_owned else None)
    made = make_task(task.owner, status="SUCCESSFUL", result={"download": "/reports/1/"})
    program, browser = program_of(operator), browser_of(operator)
    assert offered(task, program, browser) == {"cancel"}
    assert offered(made, program, browser) == {"download", "retry"}
    assert program.post(f"/tasks/{task.pk}/cancel").status_code == 202
    task.refresh_from_db()
    assert task.cancel_requested_by == operator


def test_staff_act_on_their_own_tasks_as_everybody_does(make_task, staff, browser_of, program_of):
    task = make_task(staff)
    assert offered(task, program_of(staff), browser_of(staff)) == {"cancel"}
    assert program_of(staff).post(f"/tasks/{task.pk}/cancel").status_code == 202


def test_the_permissions_to_act_alone_make_no_staff(person, make_task, program_of):
    eve = person("eve", "cancel_taskstate", "change_taskstate", "view_taskstate")
    assert program_of(eve).post(f"/tasks/{make_task(None).pk}/cancel").status_code == 404


def test_the_list_offers_each_reader_what_is_theirs(ann, auditor, make_task, program_of):
    make_task(ann)
    make_task(auditor)
    tasks = program_of(auditor).get("/tasks/").json()["tasks"]
    assert ["cancel" in task["links"] for task in tasks] == [True, False]


def test_two_readers_of_a_task_never_share_a_tag(task, auditor, ann, program_of):
    """A cache of theirs must not show one what the other may do."""
    tag = program_of(ann).get(f"/tasks/{task.pk}/")["ETag"]
    response = program_of(auditor).get(f"/tasks/{task.pk}/", headers={"If-None-Match": tag})
    assert response.status_code == 200
    assert response["ETag"] != tag


def test_a_permission_that_is_taken_away_changes_the_tag(task, operator, program_of):
    program = program_of(operator)
    tag = program.get(f"/tasks/{task.pk}/")["ETag"]
    operator.user_permissions.remove(Permission.objects.get(codename="cancel_taskstate"))
    response = program.get(f"/tasks/{task.pk}/", headers={"If-None-Match": tag})
    assert (response.status_code, "cancel" in response.json()["links"]) == (200, False)


def test_the_permission_alone_makes_no_staff(person, browser_of, task):
    assert browser_of(person("eve", "view_taskstate")).get(f"/tasks/{task.pk}/").status_code == 404


@pytest.mark.parametrize("url", ["/exports/books/", "/tasks/{task}/cancel", "/books/generate/"])
@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_a_post_needs_the_csrf_token(ann, browser_of, task, url, content_type):
    browser = browser_of(ann, enforce_csrf_checks=True)
    response = browser.post(url.format(task=task.pk), "{}", content_type=content_type)
    assert response.status_code == 403
    task.refresh_from_db()
    assert task.status == "READY"
    assert TaskState.objects.count() == 1


def test_with_the_token_it_is_taken(ann, browser_of):
    browser: Client = browser_of(ann, enforce_csrf_checks=True)
    browser.get("/exports/books/")
    token = browser.cookies["csrftoken"].value
    assert browser.post("/exports/books/", {"csrfmiddlewaretoken": token}).status_code == 303
    headers = {"X-CSRFToken": token, "Accept": "application/json"}
    assert (
        browser.post("/exports/books/", "{}", content_type="application/json", headers=headers).status_code == 202
    )


@pytest.mark.parametrize("page", PRODUCT_PAGES)
def test_no_shared_cache_keeps_an_answer_or_mixes_its_forms(browser, program, task, page):
    for client in (browser, program):
        response = client.get(page.format(task=task.pk))
        assert "private" in response["Cache-Control"]
        assert {"Accept", "Cookie"} <= {name.strip() for name in response["Vary"].split(",")}


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "text/html"),
        ("", "text/html"),
        ("*/*", "text/html"),
        ("text/*", "text/html"),
        ("text/html, application/json", "text/html"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("image/png", "text/html"),
        ("nonsense", "text/html"),
        (";;,,", "text/html"),
        ("application/json;q=0.1, text/html;q=0.9", "text/html"),
        ("application/json", "application/json"),
        ("application/*", "application/json"),
        ("application/json, text/plain, */*;q=0.5", "application/json"),
        ("text/html;q=0.5, application/json", "application/json"),
        ("application/json;q=x", "application/json"),
    ],
)
def test_a_page_is_the_default_and_json_is_asked_for(ann, browser_of, task, accept, kind):
    response = browser_of(ann, accept).get(f"/tasks/{task.pk}/")
    assert response.status_code == 200
    assert response["Content-Type"].startswith(kind)


@pytest.mark.parametrize("url", ["/tasks/not-a-uuid/", "/exports/files/7/", "/exports/a b/"])
def test_an_address_that_makes_no_sense_is_not_found(browser, url):
    assert browser.get(url).status_code == 404
