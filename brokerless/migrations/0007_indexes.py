import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Beside:
    """On PostgreSQL an index is made and dropped while the site goes on; done in part, it can be done again."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        self._put(app_label, schema_editor, to_state, self._index(app_label, from_state, to_state))

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        self._drop(app_label, schema_editor, from_state, self._index(app_label, to_state, from_state))

    def _put(self, app_label, schema_editor, state, index):
        model = state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        if schema_editor.connection.vendor == "postgresql":
            # What a build that was broken off has left has the name, and is no use.
            schema_editor.remove_index(model, index, concurrently=True)
            schema_editor.add_index(model, index, concurrently=True)
        elif index.name not in _indexes(schema_editor, model):
            schema_editor.add_index(model, index)

    def _drop(self, app_label, schema_editor, state, index):
        model = state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.remove_index(model, index, concurrently=True)
        elif index.name in _indexes(schema_editor, model):
            schema_editor.remove_index(model, index)


class AddIndexBeside(Beside, migrations.AddIndex):
    def _index(self, app_label, without, having):
        return self.index


class RemoveIndexBeside(Beside, migrations.RemoveIndex):
    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        super().database_backwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        super().database_forwards(app_label, schema_editor, from_state, to_state)

    def _index(self, app_label, without, having):
        return having.models[app_label, self.model_name_lower].get_index_by_name(self.name)


class DropOwnIndex(migrations.AlterField):
    """Drop the index of a field, for which SQLite would copy the whole table otherwise."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != "sqlite":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = from_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            for name in _indexes(schema_editor, model, [model._meta.get_field(self.name).column]):
                schema_editor.execute(f"DROP INDEX {schema_editor.quote_name(name)}")

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != "sqlite":
            super().database_backwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            field = model._meta.get_field(self.name)
            schema_editor.execute(schema_editor._create_index_sql(model, fields=[field]))


def _indexes(schema_editor, model, columns=None):
    """Return the names of a table's indexes, of just these columns if they are given."""
    with schema_editor.connection.cursor() as cursor:
        found = schema_editor.connection.introspection.get_constraints(cursor, model._meta.db_table)
    return [name for name, each in found.items() if each["index"] and columns in (None, each["columns"])]


class Migration(migrations.Migration):
    # Of PostgreSQL, which makes no index beside the site's work in a transaction.
    atomic = False

    dependencies = [
        ("brokerless", "0006_tell_of_changes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    # A new one before the one in whose place it comes: no list is without.
    operations = [
        AddIndexBeside(
            "taskstate", models.Index(fields=["owner", "finished_at"], name="brokerless_owner_finished")
        ),
        AddIndexBeside(
            "taskstate", models.Index(fields=["-created_at", "queue"], name="brokerless_created_queue")
        ),
        RemoveIndexBeside("taskstate", "brokerless_created"),
        AddIndexBeside(
            "taskstate",
            models.Index(fields=["owner", "-created_at", "queue"], name="brokerless_owner_created_queue"),
        ),
        RemoveIndexBeside("taskstate", "brokerless_owner_created"),
        AddIndexBeside(
            "taskstate",
            models.Index(fields=["owner", "status", "-created_at"], name="brokerless_owner_status_newest"),
        ),
        RemoveIndexBeside("taskstate", "brokerless_owner_status"),
        AddIndexBeside(
            "taskstate", models.Index(fields=["command", "-created_at"], name="brokerless_command_created")
        ),
        AddIndexBeside(
            "taskstate", models.Index(fields=["owner", "command", "-created_at"], name="brokerless_owner_command")
        ),
        DropOwnIndex(
            "taskstate",
            "owner",
            models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="brokerless_tasks",
                to=settings.AUTH_USER_MODEL,
                verbose_name="owner",
            ),
        ),
    ]
