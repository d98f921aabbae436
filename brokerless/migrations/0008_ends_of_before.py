from datetime import timedelta

from django.db import migrations
from django.db.models.functions import Now
from django.utils import timezone

RECENT = timedelta(hours=24)  # what ended before is told to nobody anyway
AT_ONCE = 500  # rows that one UPDATE locks


def note_as_shown(apps, schema_editor):
    """Have nobody be told of what ended before there were pages that tell it."""
    tasks = apps.get_model("brokerless", "TaskState").objects.using(schema_editor.connection.alias)
    ended = tasks.filter(finished_at__gt=timezone.now() - RECENT, end_shown_at=None, owner__isnull=False)
    keys = list(ended.order_by().values_list("pk", flat=True))
    for first in range(0, len(keys), AT_ONCE):
        tasks.filter(pk__in=keys[first : first + AT_ONCE]).update(end_shown_at=Now())


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("brokerless", "0007_indexes"),
    ]

    operations = [
        migrations.RunPython(note_as_shown, migrations.RunPython.noop, hints={"model_name": "taskstate"}),
    ]
