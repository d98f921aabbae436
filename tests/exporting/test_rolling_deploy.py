"""The release before this one goes on while both serve one database."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection

from brokerless.exports.models import ExportFile

# All that the first release knows of a file.
INSERT = """
    INSERT INTO brokerless_exports_exportfile (id, exporter, filters, name, sha256, created_at)
    VALUES (%s, 'books', '{}', 'books.csv.gz', '', CURRENT_TIMESTAMP)
"""


@pytest.fixture(params=["usual", "postgres"])
def any_database(request, transactional_db):
    """Run the test on each database; the usual one is the one that the suite is run on."""
    if request.param != "usual":
        request.getfixturevalue(request.param)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("any_database")
def test_it_can_record_a_file():
    key = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [ExportFile._meta.pk.get_db_prep_value(key, connection)])
    record = ExportFile.objects.get(pk=key)
    assert (record.format, record.title, record.request_digest) == ("csv", "", "")
    assert not record.was_owned
    assert not record.columns
