"""Checks of what may be launched in the admin."""

from __future__ import annotations

from django.core import checks
from django.core.management import get_commands

from brokerless.checks.messages import needs_right_settings
from brokerless.command_forms.offered import offer
from brokerless.conf import settings


@needs_right_settings
def check_admin_commands() -> list[checks.CheckMessage]:
    """E016: an entry of ADMIN_COMMANDS is no command. W012: it is one that cannot be launched there."""
    found: list[checks.CheckMessage] = []
    known = get_commands()
    for name in settings.ADMIN_COMMANDS:
        if not isinstance(name, str) or name not in known:
            text = f"BROKERLESS['ADMIN_COMMANDS'] holds {name!r}, which is no management command."
            hint = "Name management commands, as `manage.py help` lists them."
            found.append(checks.Error(text, hint=hint, id="brokerless.E016"))
        elif refusal := offer(name).refusal:
            text = f"BROKERLESS['ADMIN_COMMANDS'] names {name!r}, which the admin cannot offer: {refusal}"
            hint = "Take it out, or correct the command; staff read this reason instead of its form."
            found.append(checks.Warning(text, hint=hint, id="brokerless.W012"))
    return found
