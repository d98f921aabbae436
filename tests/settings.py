"""The example site's settings with an app whose commands misbehave on purpose."""

from library.settings import *  # noqa: F403 - settings are extended this way
from library.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.probes"]
# Fast, as no password in the tests needs protection.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
