"""The example site's task functions."""

from __future__ import annotations

import django

from library.statistics import recompute_statistics

if django.VERSION >= (6, 0):
    from django.tasks import task
else:
    from django_tasks import task  # their backport


@task(queue_name="statistics")
def recompute_author_statistics(author_id: int | None = None) -> dict[str, int]:
    """Recompute the statistics of one author, or of all, and return how many authors and books there were."""
    return recompute_statistics(author_id)
