"""The settings of every process of a chaos run: no more apps than tasks need, so that processes start fast.

The machine plays several hosts: a process is on the one that CHAOS_HOST names, and so is whatever it starts.
"""

import os
import socket

from tests.settings import *  # noqa: F403 - settings are extended this way

INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "brokerless", "tests.chaos"]
MIDDLEWARE = []

if "CHAOS_HOST" in os.environ:
    # Brokerless asks once, later than this, and keeps the answer.
    socket.gethostname = lambda: os.environ["CHAOS_HOST"]
