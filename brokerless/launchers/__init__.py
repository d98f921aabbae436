"""Launchers: the strategies that turn a claimed task into a process."""

from __future__ import annotations

from django.utils.module_loading import import_string

from brokerless.conf import settings
from brokerless.exceptions import SpawnError
from brokerless.launchers.base import Launcher

__all__ = ["Launcher", "get_launcher"]


def get_launcher() -> Launcher:
    """Return the launcher that the settings name. Raises SpawnError when there is none of that name."""
    try:
        return import_string(settings.LAUNCHER)()
    except ImportError as error:
        raise SpawnError(f"BROKERLESS['LAUNCHER'] cannot be imported: {error}") from error
