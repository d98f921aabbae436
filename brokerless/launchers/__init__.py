"""Launchers: the strategies that turn a claimed task into a process."""

from __future__ import annotations

from django.utils.module_loading import import_string

from brokerless.conf import settings
from brokerless.launchers.base import Launcher

__all__ = ["Launcher", "get_launcher"]


def get_launcher() -> Launcher:
    """Return the launcher that the settings name."""
    return import_string(settings.LAUNCHER)()
