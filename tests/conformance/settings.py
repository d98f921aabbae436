"""The settings of a conformance run: of the process of the tests, and of every process that they start."""

import os
from pathlib import Path

DIRECTORY = Path(os.environ["CONFORMANCE_DIRECTORY"])

SECRET_KEY = "only-for-a-run-of-tests"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "brokerless"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DIRECTORY / "db.sqlite3",
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
USE_TZ = True

BROKERLESS = {"RUNTIME_DIR": DIRECTORY / "runtime"}
# The tests have settings of their own with the same aliases, and decide about queues: no queue is refused here.
_BACKEND = {"BACKEND": "brokerless.backend.ProcessBackend", "QUEUES": []}
TASKS = {"default": _BACKEND, "immediate": _BACKEND}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"records": {"class": "tests.conformance.log_records.RecordKeeper"}},
    "loggers": {"django.tasks": {"handlers": ["records"], "level": "DEBUG"}},
}
