from django.db import migrations

CHANNEL = "brokerless_changes"
NAME = "brokerless_tell_of_changes"

# The function lies in the schema of the table, beside which it is made, and names nothing that a search path finds.
# Notifications are sent at the commit, once each for what a transaction says several times. They hold the row's id and
# its owner; a key of an owner longer than that is not told whole, as a payload has to be below 8,000 bytes.
# COPY fires it too. TRUNCATE does not; who watches looks at everything from time to time.
CREATE_FUNCTION = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    task record;
BEGIN
    IF TG_OP = 'DELETE' THEN
        task := OLD;
    ELSE
        task := NEW;
    END IF;
    PERFORM pg_catalog.pg_notify('{channel}', task.id::text || ' ' || left(coalesce(task.owner_id::text, ''), 500));
    RETURN NULL;
END
$$
"""
CREATE_TRIGGER = """
CREATE TRIGGER {name} AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()
"""


def _execute(apps, schema_editor, *statements):
    if schema_editor.connection.vendor != "postgresql":
        return
    table = schema_editor.quote_name(apps.get_model("brokerless", "TaskState")._meta.db_table)
    for statement in statements:
        schema_editor.execute(statement.format(name=NAME, channel=CHANNEL, table=table))


def create_trigger(apps, schema_editor):
    _execute(apps, schema_editor, CREATE_FUNCTION, "DROP TRIGGER IF EXISTS {name} ON {table}", CREATE_TRIGGER)


def drop_trigger(apps, schema_editor):
    _execute(apps, schema_editor, "DROP TRIGGER IF EXISTS {name} ON {table}", "DROP FUNCTION IF EXISTS {name}()")


class Migration(migrations.Migration):

    dependencies = [
        ('brokerless', '0005_pages'),
    ]

    operations = [
        migrations.RunPython(create_trigger, drop_trigger, hints={"model_name": "taskstate"}),
    ]
