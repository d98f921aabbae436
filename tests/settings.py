"""The example site's settings with an app whose commands misbehave on purpose.

The processes that tests start read the same settings; what a test changes reaches them by the environment.
"""

import json
import os
from pathlib import Path

from library.settings import *  # noqa: F403 - settings are extended this way
from library.settings import BROKERLESS, DATABASES, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, os.environ.get("TEST_PROBES", "tests.probes")]
# Fast, as no password in the tests needs protection.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

BROKERLESS = BROKERLESS | json.loads(os.environ.get("TEST_BROKERLESS", "{}"))

# One of its own for every run of the suite, so that two at once do not meet.
_name = DATABASES["default"].setdefault("TEST", {}).get("NAME") or f"test_{DATABASES['default']['NAME']}"
DATABASES["default"]["TEST"]["NAME"] = (
    str(Path(_name).with_name(f"test-{os.getpid()}.sqlite3")) if "/" in _name else f"{_name}_{os.getpid()}"
)

if "TEST_BROKEN_SETTINGS" in os.environ:
    raise ImportError("These settings are broken on purpose.")
