"""Settings of the example site. What differs per machine comes from the environment.

Every variable has a working default; relative paths resolve beside `manage.py`, so that cron may run from
any working directory. The variables are listed in `docs/example-site.md`.
"""

from pathlib import Path
from typing import Any

import django
import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).absolute().parent.parent
VAR_DIR = BASE_DIR / "var"

env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

DEBUG = env.bool("DEBUG", default=True)
SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY:
    if not DEBUG:
        raise ImproperlyConfigured("Set SECRET_KEY in the environment: it has a default only with DEBUG=1.")
    SECRET_KEY = "only-for-development-on-this-machine"  # noqa: S105 - refused above without DEBUG
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"] if DEBUG else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_filters",
    "csp",
    "brokerless",
    "brokerless.exports",
    "library",
    "exports",
]
if django.VERSION < (6, 0):
    INSTALLED_APPS.append("django_tasks")  # the backport of django.tasks: as an app it has its checks and its log
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
]
ROOT_URLCONF = "library.urls"
WSGI_APPLICATION = "library.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


def database() -> dict:
    """Return the default database from `DATABASE_URL`; a SQLite path is made absolute and set to WAL."""
    parsed = env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'db.sqlite3'}")
    if parsed["ENGINE"] == "django.db.backends.sqlite3":
        path = BASE_DIR / parsed["NAME"]
        path.parent.mkdir(parents=True, exist_ok=True)
        parsed["NAME"] = str(path)
        parsed["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
        # A file, so that the processes that the tests spawn see the same rows.
        parsed["TEST"] = {"NAME": str(path.with_name("test.sqlite3"))}
    elif size := env.int("DATABASE_POOL", default=0):
        # Under ASGI each request under way has a connection of its own; beyond so many they wait.
        pool = {"min_size": 0, "max_size": size, "timeout": 30}
        parsed["OPTIONS"] = parsed.get("OPTIONS", {}) | {"pool": pool}
    parsed["ATOMIC_REQUESTS"] = env.bool("ATOMIC_REQUESTS", default=False)
    return parsed


DATABASES = {"default": database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "exports": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": BASE_DIR / env.str("EXPORTS_DIR", default="var/exports"),
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
}

# No page of the site, of the product or of the admin has a script or a style within it, or from elsewhere.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    },
}

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "book_list"
LOGOUT_REDIRECT_URL = "login"

DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="library@localhost")
# The embedded default writes each mail into a file; EMAIL_URL (smtp://…) or EMAIL_BACKEND with the
# provider's ANYMAIL_* variables sends it for real.
if env.str("EMAIL_URL", default=""):
    vars().update(env.email_url("EMAIL_URL"))
else:
    EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="django.core.mail.backends.filebased.EmailBackend")
EMAIL_TIMEOUT = 30  # seconds
EMAIL_FILE_PATH = BASE_DIR / env.str("EMAIL_FILE_PATH", default="var/mail")


def anymail() -> dict[str, Any]:
    """Return Anymail's settings from the variables `ANYMAIL_*`: keys and tokens as they are, the others typed."""
    found: dict[str, Any] = {
        name.removeprefix("ANYMAIL_"): value for name, value in env.ENVIRON.items() if name.startswith("ANYMAIL_")
    }
    types = {
        "IGNORE_UNSUPPORTED_FEATURES": env.bool,
        "IGNORE_RECIPIENT_STATUS": env.bool,
        "DEBUG_API_REQUESTS": env.bool,
        "REQUESTS_TIMEOUT": env.float,
        "SEND_DEFAULTS": env.json,
    }
    return found | {name: read(f"ANYMAIL_{name}") for name, read in types.items() if name in found}


ANYMAIL = anymail()

BROKERLESS = {
    "MANAGE_PY": BASE_DIR / "manage.py",
    "RUNTIME_DIR": BASE_DIR / env.str("RUNTIME_DIR", default="var/brokerless"),
    "BASE_URL": env.str("BASE_URL", default="http://127.0.0.1:8000"),
    # Not load_books: it reads any file of the server whose path it is given.
    "ADMIN_COMMANDS": ["generate_books", "export_books"],
}
BROKERLESS["QUEUES"] = {
    # Exports read the whole library: a few at once, and none for ever.
    "exports": {"limit": 2, "timeout": 3600},
    # One at a time, so that none overwrites what another computed later; behind everything else; and again if it
    # fails, as a second run gives the same.
    "statistics": {"limit": 1, "timeout": 600, "nice": 10, "max_attempts": 3},
}
if "MAX_PROCESSES" in env:
    BROKERLESS["MAX_PROCESSES"] = env.int("MAX_PROCESSES")
EXPORTS = {"STORAGE": "exports", "QUEUE": "exports"}
# Functions with Django's @task run as processes, too; see library/tasks.py.
TASKS = {
    "default": {"BACKEND": "brokerless.backend.ProcessBackend", "QUEUES": ["default", "statistics"]},
}

# The largest number that `generate_books` takes, on its page and by hand.
GENERATE_BOOKS_MAXIMUM = env.int("GENERATE_BOOKS_MAXIMUM", default=5_000_000)
