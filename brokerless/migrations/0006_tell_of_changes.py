from django.db import migrations

CHANNEL = "brokerless_changes"
NAME = "brokerless_tell_of_changes"

# The function lies in the schema of the table, and finds nothing by the search path of whoever writes a row: no other
# function and no operator.
# Notifications are sent at the commit, once each for what a transaction says several times. They hold the row's id and
# its owner; a key of an owner longer than that is not told whole, as a payload has to be below 8,000 bytes.
# COPY fires it too. TRUNCATE does not; who watches looks at everything from time to time.
CREATE_FUNCTION = """
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    task record;
BEGIN
    IF TG_OP = 'DELETE' THEN
        task := OLD;
    ELSE
        task := NEW;
    END IF;
    PERFORM pg_notify('{channel}', task.id::text || ' ' || left(coalesce(task.owner_id::text, ''), 500));
    RETURN NULL;
END
$$
"""
FIND_SCHEMA = """
SELECT nspname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE pg_class.oid = to_regclass(%s)
"""
CREATE_TRIGGER = """
CREATE TRIGGER {name} AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()
"""


def _execute(apps, schema_editor, *statements):
    if schema_editor.connection.vendor != "postgresql":
        return
    table = schema_editor.quote_name(apps.get_model("brokerless", "TaskState")._meta.db_table)
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(FIND_SCHEMA, [table])
        [schema] = cursor.fetchone()
    function = f"{schema_editor.quote_name(schema)}.{NAME}"
    for statement in statements:
        schema_editor.execute(statement.format(name=NAME, channel=CHANNEL, table=table, function=function))


def create_trigger(apps, schema_editor):
    _execute(apps, schema_editor, CREATE_FUNCTION, "DROP TRIGGER IF EXISTS {name} ON {table}", CREATE_TRIGGER)


def drop_trigger(apps, schema_editor):
    _execute(apps, schema_editor, "DROP TRIGGER IF EXISTS {name} ON {table}", "DROP FUNCTION IF EXISTS {function}()")


class Migration(migrations.Migration):

    dependencies = [
        ('brokerless', '0005_pages'),
    ]

    operations = [
        migrations.RunPython(create_trigger, drop_trigger, hints={"model_name": "taskstate"}),
    ]
