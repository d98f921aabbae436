from django.db import migrations, models

NEW_FIELDS = {
    "end_shown_at": models.DateTimeField(blank=True, null=True, verbose_name="end shown at"),
    "notices": models.JSONField(blank=True, default=list, null=True, verbose_name="notices"),
    "notices_count": models.PositiveIntegerField(
        db_default=0, default=0, null=True, verbose_name="number of notices"
    ),
    "notices_shown": models.PositiveIntegerField(db_default=0, default=0, null=True, verbose_name="notices shown"),
}


def in_database(field):
    """Return a field as it is added without SQLite's copying the whole table: a plain value, and none of Python's."""
    added = field.clone()
    added.default = models.NOT_PROVIDED
    if added.has_db_default():
        added.db_default = models.Value(added.db_default)
    return added


class Migration(migrations.Migration):
    dependencies = [
        ("brokerless", "0004_operation"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="taskstate",
            options={
                "base_manager_name": "objects",
                "ordering": ["-created_at", "pk"],
                "permissions": [
                    ("cancel_taskstate", "Can cancel task"),
                    ("retry_taskstate", "Can retry task"),
                    ("launch_taskstate", "Can launch a command in the admin"),
                ],
                "verbose_name": "task",
                "verbose_name_plural": "tasks",
            },
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.AddField("taskstate", name, in_database(field)) for name, field in NEW_FIELDS.items()
            ],
            state_operations=[migrations.AddField("taskstate", name, field) for name, field in NEW_FIELDS.items()],
        ),
    ]
