"""A site's own suite, run as its people run it: by `manage.py test` and by pytest, on SQLite and PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.postgres import create_database, drop_database
from tests.requirements import POSTGRES_URL, missing

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
FILES = {
    "manage.py": """
        import os, sys
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop_settings")
        from brokerless.management import execute_from_command_line
        execute_from_command_line(sys.argv)
    """,
    "shop_settings.py": """
        import environ
        SECRET_KEY = "of a test"
        USE_TZ = True
        INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "brokerless", "shop"]
        DATABASES = {"default": environ.Env().db_url("DATABASE_URL")}
        DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
        ROOT_URLCONF = "shop.urls"
        STATIC_URL = "static/"
    """,
    "shop/__init__.py": "",
    "shop/urls.py": """
        from django.urls import path
        from shop.views import restock
        urlpatterns = [path("restock/", restock)]
    """,
    "shop/models.py": """
        from django.db import models

        class Shelf(models.Model):
            name = models.CharField(max_length=50, unique=True)
    """,
    "shop/views.py": """
        from django.http import JsonResponse
        from brokerless import launch

        def restock(request):
            task = launch("restock", arguments=[request.GET["name"]], request=request)
            return JsonResponse({"task": str(task.pk)}, status=202)
    """,
    "shop/management/__init__.py": "",
    "shop/management/commands/__init__.py": "",
    "shop/management/commands/restock.py": """
        from django.core.management.base import BaseCommand
        from brokerless import current_task, track
        from shop.models import Shelf

        class Command(BaseCommand):
            def add_arguments(self, parser):
                parser.add_argument("name")

            def handle(self, *, name, **options):
                for _ in track(range(2), unit="books"):
                    self.stdout.write("Restocking")
                Shelf.objects.create(name=name)
                current_task().result = {"name": name}
    """,
    "shop/tests.py": """
        from django.test import AsyncClient, LiveServerTestCase, TestCase, TransactionTestCase
        from urllib.request import urlopen
        from brokerless.models import TaskState
        from brokerless.testing import inline_tasks, run_due_tasks
        from shop.models import Shelf

        class RestockTest(TestCase):
            def setUp(self):
                self.tasks = self.enterContext(inline_tasks())

            def test_a_request_restocks(self):
                assert self.client.get("/restock/?name=A").status_code == 202
                (task,) = self.tasks.launched
                assert (task.status, task.result, task.progress_current) == ("SUCCESSFUL", {"name": "A"}, 2)
                assert Shelf.objects.get().name == "A"

            def test_a_name_that_is_taken_fails(self):
                Shelf.objects.create(name="A")
                self.client.get("/restock/?name=A")
                (task,) = self.tasks.launched
                assert (task.status, task.error_type) == ("FAILED", "IntegrityError")
                assert Shelf.objects.count() == 1

            async def test_an_async_request_restocks(self):
                await AsyncClient().get("/restock/?name=A")
                assert self.tasks.launched[0].status == "SUCCESSFUL"
                assert await Shelf.objects.acount() == 1

        class RecordedTest(TestCase):
            def test_a_request_launches(self):
                with inline_tasks(run=False) as tasks:
                    self.client.get("/restock/?name=A")
                    (task,) = tasks.launched
                    assert (task.command, task.arguments) == ("restock", ["A"])
                    assert not Shelf.objects.exists()
                    run_due_tasks()
                    assert Shelf.objects.exists()

        class CommitTest(TestCase):
            def test_a_request_restocks_at_its_commit(self):
                with inline_tasks(at_commit=True), self.captureOnCommitCallbacks(execute=True):
                    self.client.get("/restock/?name=A")
                    assert not Shelf.objects.exists()
                assert Shelf.objects.exists()

        class RefusedTest(TransactionTestCase):
            def test_no_process_is_started(self):
                self.client.get("/restock/?name=A")
                task = TaskState.objects.get()
                assert "inline_tasks" in task.error_title, task.error_title

        class ServerTest(LiveServerTestCase):
            def test_a_request_over_http_restocks(self):
                with inline_tasks() as tasks:
                    urlopen(self.live_server_url + "/restock/?name=A").close()
                    assert tasks.launched[0].status == "SUCCESSFUL"
                assert Shelf.objects.get().name == "A"
    """,
    "conftest.py": 'pytest_plugins = ["brokerless.pytest_plugin"]\n',
    "test_with_pytest.py": """
        import pytest
        from brokerless import launch
        from brokerless.models import TaskState
        from brokerless.testing import inline_tasks as block
        from shop.models import Shelf

        def test_the_fixture(db, inline_tasks, client):
            client.get("/restock/?name=A")
            assert inline_tasks.launched[0].status == "SUCCESSFUL"

        def test_its_options(db, inline_tasks):
            inline_tasks.raise_errors = True
            Shelf.objects.create(name="A")
            with pytest.raises(Exception, match="(?i)unique"):
                launch("restock", arguments=["A"])
            assert Shelf.objects.count() == 1

        def test_real_commits(transactional_db, inline_tasks):
            assert launch("restock", arguments=["A"]).status == "SUCCESSFUL"

        def test_changed_settings_are_as_before_in_the_next_test(db, inline_tasks, settings):
            settings.BROKERLESS = {"RETRY_PAUSE": 5}
            launch("restock", arguments=["A"])

        def test_a_block_and_changed_settings(db, settings):
            with block():
                settings.BROKERLESS = {"RETRY_PAUSE": 5}
                launch("restock", arguments=["A"])

        def test_the_next_one(db, settings):
            from pathlib import Path
            from brokerless.runtime_dir import runtime_directory
            assert not hasattr(settings, "BROKERLESS")
            assert runtime_directory() == Path.cwd() / "var" / "brokerless"
    """,
}


@pytest.fixture
def project(tmp_path):
    """Write the site, and return the function that runs a program in it."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))

    def run(*words, database):
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO", "PYTEST"))}
        environment = outside | {"PYTHONPATH": f"{ROOT}:{tmp_path}", "DATABASE_URL": database}
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert not (tmp_path / "var").exists() or not list((tmp_path / "var" / "brokerless").glob("*/*.log"))
        return done.stdout + done.stderr

    return run


@pytest.fixture(params=["sqlite", "postgres"])
def database(request, tmp_path):
    """Return the URL of a database, beside which the suite makes its own."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'db.sqlite3'}"
        return
    try:
        name = create_database(POSTGRES_URL)
    except OSError as error:
        missing("PostgreSQL", f"{error} (set TEST_POSTGRES_URL)")
    yield f"{POSTGRES_URL.rpartition('/')[0]}/{name}"
    drop_database(POSTGRES_URL, name)


def test_by_manage_py_test(project, database):
    project("manage.py", "makemigrations", "shop", database=database)
    printed = project("-W", "error", "manage.py", "test", database=database)
    assert "Ran 7 tests" in printed
    assert "Restocking" not in printed


def test_by_pytest(project, database):
    project("manage.py", "makemigrations", "shop", database=database)
    words = ("-m", "pytest", "-q", "-W", "error", "-p", "no:randomly", "--ds=shop_settings", "test_with_pytest.py")
    assert "6 passed" in project(*words, database=database)


@pytest.mark.parametrize("module", ["brokerless", "brokerless.launching", "brokerless.signals"])
def test_a_site_in_production_imports_neither_pytest_nor_the_testing(module):
    code = (
        f"import django; django.setup(); import sys, {module}; from brokerless import launch\n"
        "print({'pytest', 'brokerless.testing', 'brokerless.pytest_plugin', 'django.test'} & set(sys.modules))"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "library.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
