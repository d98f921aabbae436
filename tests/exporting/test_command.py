"""`manage.py export_books`: its filters, its destinations, and what it says."""

from __future__ import annotations

import gzip
from decimal import Decimal
from io import StringIO

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.core.management import CommandError, call_command

from brokerless import FinalError
from brokerless.exports.models import ExportFile
from tests.exporting.making import make_book, make_many_books
from tests.exporting.reading import names_in, read_csv, read_file, stored_bytes

pytestmark = pytest.mark.django_db


@pytest.fixture
def shelf():
    make_book("Iliad", author="Homer", published_year=-750, language="grc", average_rating=Decimal("3.90"))
    make_book("Ulysses", author="James Joyce", published_year=1922, language="eng", average_rating=Decimal("4.00"))
    make_book("Emma", author="Jane Austen", published_year=1815, language="eng", available=False)


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        ([], ["Iliad", "Ulysses", "Emma"]),
        (["--q", "ulys"], ["Ulysses"]),
        (["--q=austen"], ["Emma"]),
        (["--author", "homer"], ["Iliad"]),
        (["--language", "ENG"], ["Ulysses", "Emma"]),
        (["--published-after", "1815"], ["Ulysses", "Emma"]),
        (["--published-after", "1816"], ["Ulysses"]),
        (["--published-after=-750"], ["Iliad", "Ulysses", "Emma"]),
        (["--published-before", "1922"], ["Iliad", "Ulysses", "Emma"]),
        (["--published-before", "1921"], ["Iliad", "Emma"]),
        (["--published-before=-750"], ["Iliad"]),
        (["--min-rating", "3.9"], ["Iliad", "Ulysses"]),
        (["--min-rating", "3.91"], ["Ulysses"]),
        (["--available"], ["Iliad", "Ulysses"]),
        (["--available", "TRUE"], ["Iliad", "Ulysses"]),
        (["--available", "false"], ["Emma"]),
        (["--language", "eng", "--available", "true"], ["Ulysses"]),
        (["--q", "", "--language", ""], ["Iliad", "Ulysses", "Emma"]),
        (["--q", "nothing like it"], []),
    ],
)
def test_each_option_narrows_the_rows_down_bounds_included(shelf, exported, words, titles):
    assert [row["title"] for row in exported(*words)] == titles


@pytest.mark.parametrize(
    "words",
    [
        ["--published-after", "soon"],
        ["--min-rating", "5.1"],
        ["--available", "perhaps"],
        ["--available", "unknown"],
        ["--q", "\udcff"],
        ["--q", "a\0b"],
        ["--language", " "],
        ["--publisher", "Knopf"],
        ["--email", "nobody"],
        ["--email", "ann@example.org\nBcc: all@example.org"],
        ["--output", "x.csv", "--email", "ann@example.org"],
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_done(export, export_directory, words):
    with pytest.raises(CommandError, match=r"Error: "):
        export(*words)
    assert names_in(export_directory) == []
    assert not ExportFile.objects.exists()


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"available": "perhaps"}, "available: Must be true or false."),
        ({"min_rating": "many"}, "min_rating: Enter a number."),
    ],
)
def test_filters_given_from_code_are_checked_too(filters, message):
    with pytest.raises(CommandError) as caught:
        call_command("export_books", **filters)
    assert str(caught.value) == message


def test_filters_given_from_code_may_be_any_value_that_has_a_spelling(shelf):
    call_command("export_books", min_rating=Decimal("3.9"), available=True, stdout=StringIO())
    assert ExportFile.objects.get().filters == {"min_rating": "3.9", "available": "true"}


def test_without_a_destination_the_file_is_stored_and_recorded(shelf, export):
    out, err = export("--language", "eng")
    record = ExportFile.objects.get()
    assert (record.rows, record.filters, record.is_ready) == (2, {"language": "eng"}, True)
    assert out.startswith("2 rows, ")
    assert out.endswith(f"{record.storage_name}\n")
    assert err == ""


def test_a_path_gets_the_file_and_nothing_is_stored(shelf, export, tmp_path, export_directory):
    path = tmp_path / "out.csv.gz"
    out, _ = export("--output", str(path))
    assert len(read_file(path)) == 3
    assert out.startswith("3 rows, ")
    assert out.endswith(f": {path}\n")
    assert not ExportFile.objects.exists()
    assert names_in(export_directory) == []


def test_a_path_without_gz_gets_plain_text(shelf, export, tmp_path):
    path = tmp_path / "out.csv"
    export("--output", str(path))
    assert len(read_csv(path.read_bytes())) == 3


def test_a_relative_path_is_beside_whoever_asked(shelf, export, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    export("--output", "out.csv.gz")
    assert len(read_file(tmp_path / "out.csv.gz")) == 3


def test_a_link_is_followed_and_stays(shelf, export, tmp_path):
    link = tmp_path / "latest.csv.gz"
    link.symlink_to("2024.csv.gz")
    export("--output", str(link))
    assert link.is_symlink()
    assert len(read_file(tmp_path / "2024.csv.gz")) == 3


@pytest.mark.parametrize("name", ["/dev/null", "/dev/full"])
def test_a_device_is_refused_and_stays(export, name):
    with pytest.raises(CommandError, match="is no file but a device or a pipe"):
        export("--output", name)
    # Given from code the parser does not see it.
    with pytest.raises(CommandError, match="is no file but a device or a pipe"):
        call_command("export_books", output=name)


@pytest.mark.parametrize("name", [".", "x" * 300, "missing/out.csv.gz"])
def test_a_path_that_cannot_be_written_is_said(export, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError, match=r"is a directory|cannot be written"):
        export("--output", name)


def test_standard_output_gets_the_file_and_nothing_else(shelf, export, capfdbinary):
    out, err = export("--output", "-")
    assert len(read_csv(gzip.decompress(capfdbinary.readouterr().out))) == 3
    assert out == ""
    assert err.startswith("3 rows, ")


@pytest.mark.parametrize(
    "words", [[], ["--output", "out.csv.gz"], ["--output", "-"], ["--email", "ann@example.org"]]
)
def test_verbosity_0_is_silent(shelf, export, tmp_path, monkeypatch, capfdbinary, words):
    monkeypatch.chdir(tmp_path)
    assert export("--verbosity", "0", *words) == ("", "")
    assert capfdbinary.readouterr().err == b""


def test_several_addresses_get_a_mail_each(shelf, export):
    out, _ = export("--email", "ann@example.org", "--email", "ben@example.org", "--language", "eng")
    assert [message.to for message in mail.outbox] == [["ann@example.org"], ["ben@example.org"]]
    assert {message.subject for message in mail.outbox} == {"Your export: Books, English"}
    assert out.splitlines()[-1] == "Mailed to ann@example.org, ben@example.org."


def test_without_an_address_no_mail_is_sent(shelf, export):
    export()
    assert mail.outbox == []


def test_every_option_is_explained(capsys):
    with pytest.raises(SystemExit):
        call_command("export_books", "--help")
    text = capsys.readouterr().out
    for option in ("q", "author", "language", "published-after", "published-before", "min-rating", "available"):
        assert f"--{option} " in text
    assert "The lowest average rating to include" in text


def test_in_a_task_the_result_says_where_the_file_is(shelf, export, in_task):
    task = in_task()
    export()
    record = ExportFile.objects.get()
    assert task.result == {
        "file": str(record.pk),
        "name": record.name,
        "rows": 3,
        "bytes": record.bytes,
        "sha256": record.sha256,
        "expires_at": record.expires_at.isoformat(),
        "download": f"/exports/files/{record.pk}/",
        "details": f"/exports/files/{record.pk}/about/",
    }


def test_in_a_task_with_mail_the_result_says_to_whom(shelf, export, in_task):
    task = in_task()
    export("--email", "ann@example.org")
    assert task.result["mailed_to"] == ["ann@example.org"]


def test_a_site_without_the_pages_has_no_download(shelf, export, in_task, settings):
    settings.ROOT_URLCONF = "tests.exporting.no_urls"
    task = in_task()
    export()
    assert "download" not in task.result
    assert task.result["rows"] == 3


def test_the_file_is_the_one_s_who_asked(shelf, export, in_task, django_user_model):
    ann = django_user_model.objects.create(username="ann")
    ann.user_permissions.add(Permission.objects.get(codename="view_book"))
    in_task(owner=ann)
    export()
    assert ExportFile.objects.get().owner == ann


def test_a_permission_that_was_taken_away_since_is_missed(shelf, export, in_task, django_user_model):
    in_task(owner=django_user_model.objects.create(username="ann"))
    with pytest.raises(CommandError, match="ann may not export books"):
        export()
    assert not ExportFile.objects.exists()


def test_nothing_is_exported_for_a_user_who_is_gone(shelf, export, in_task, django_user_model):
    ann = django_user_model.objects.create(username="ann", is_superuser=True)
    in_task(owner=ann)
    ann.delete()
    with pytest.raises(CommandError, match="no longer there"):
        export()
    assert not ExportFile.objects.exists()


@pytest.mark.parametrize("email", [["nobody"], [f"ann{number}@example.org" for number in range(100)]])
def test_recipients_that_are_none_or_too_many_fail_for_good(shelf, in_task, email):
    in_task()
    with pytest.raises(FinalError, match=r"is no e-mail address|at most"):
        call_command("export_books", email=email)
    assert not ExportFile.objects.exists()


def test_a_task_does_not_mix_a_file_into_its_log(shelf, export, in_task):
    in_task()
    with pytest.raises(CommandError, match="its standard output is its log"):
        export("--output", "-")


def test_many_rows_are_counted_with_separators(export):
    make_many_books(1234)
    assert export()[0].startswith("1,234 rows, ")
    assert len(read_csv(gzip.decompress(stored_bytes(ExportFile.objects.get())))) == 1234


def test_an_interrupted_run_lets_go_of_the_rows_before_the_connection_is_closed(monkeypatch):
    """Kept in the frames of the interrupt, their cursor would complain at exit."""

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("brokerless.exports.reading.choose_source", interrupt)
    with pytest.raises(CommandError, match="Interrupted") as caught:
        call_command("export_books", verbosity=0)
    assert isinstance(caught.value.__context__, KeyboardInterrupt)
    assert caught.value.__context__.__traceback__ is None
