"""System checks: what is wrong with a site is said with an id and the remedy before a task meets it.

docs/checks.md lists them all. They are imported when they run, as every task's process registers them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.checks import Tags, register

from brokerless.checks.messages import TAG, needs_right_settings, settings_messages, url_messages

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.core.checks import CheckMessage

__all__ = ["TAG", "needs_right_settings", "settings_messages", "url_messages"]


@register(TAG)
def check_site(**_: Any) -> list[CheckMessage]:
    """Look at settings and files: no process is started, no database connected to, no directory made."""
    from brokerless.checks import databases, directories, entries, launching, operation, programs
    from brokerless.functions.checks import check_framework

    return [
        *entries.check_settings(),
        *entries.check_dotted_paths(),
        *entries.check_base_url(),
        *entries.check_queues(),
        *entries.check_urls(),
        *operation.check_failure_mails(),
        *operation.check_purge_after(),
        *launching.check_admin_commands(),
        *programs.check_manage_py(),
        *programs.check_places(),
        *programs.check_interpreter(),
        *directories.check_runtime_directory(),
        *databases.check_database(),
        *databases.check_time_zone(),
        *check_framework(),
    ]


@register(TAG, Tags.database)
def check_rows(*, databases: Iterable[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Look at the tasks that wait, with `manage.py check --database`."""
    from brokerless.checks import waiting

    return waiting.check_rows(databases) if databases else []


@register(TAG, deploy=True)
def check_start(**_: Any) -> list[CheckMessage]:
    """Really start what tasks are started with, with `manage.py check --deploy`."""
    from brokerless.checks import starting

    return starting.check_start()
