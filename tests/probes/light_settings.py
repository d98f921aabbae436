"""The tests' settings with no more apps than tasks need, so that many processes start fast."""

from tests.settings import *  # noqa: F403 - settings are extended this way

INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "brokerless", "tests.probes"]
MIDDLEWARE = []
