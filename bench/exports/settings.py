"""The example site's settings, on the database that is measured."""

import json
import os

from library.settings import *  # noqa: F403 - the site as it is

DEBUG = False  # which keeps every query in memory
DATABASES = {"default": json.loads(os.environ["BENCH_DATABASE"])}
