"""A site's own part of the context, as `BROKERLESS["CONTEXT"]` names it: here in the environment."""

from __future__ import annotations

import os
from contextlib import contextmanager


def capture(request):
    return request.headers.get("X-Tenant", "")


@contextmanager
def restore(tenant):
    os.environ["PROBE_SITE"] = tenant
    yield
    del os.environ["PROBE_SITE"]
