"""The smallest site that has tasks; what a measurement varies comes from the environment."""

import json
import os
from pathlib import Path

import django

BACKENDS = {
    "brokerless": "brokerless.backend.ProcessBackend",
    "django_tasks_db": "django_tasks_db.DatabaseBackend",
}
app = os.environ["BENCH_APP"]

SECRET_KEY = "none"
USE_TZ = True
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", app]
if django.VERSION < (6, 0):
    INSTALLED_APPS.append("django_tasks")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": json.loads(os.environ["BENCH_DATABASE"])}
TASKS = {"default": {"BACKEND": BACKENDS[app]}}
BROKERLESS = {
    "MAX_PROCESSES": int(os.environ["BENCH_PROCESSES"]),
    "BASE_URL": "http://127.0.0.1",
    "RUNTIME_DIR": Path(os.environ["BENCH_DIRECTORY"]) / "runtime",
}
