"""An exporter may give each user rows of their own; a run by hand has all of them."""

from __future__ import annotations

import django_filters
import pytest
from django.contrib.auth.models import Permission

from brokerless.exports.exceptions import InvalidFilters
from library.models import Author, Book
from tests.exporting.declaring import declare, rows_of
from tests.exporting.making import make_book


class OwnFilter(django_filters.FilterSet):
    """Whose rows, and whose choices, are those of the user."""

    author = django_filters.ModelMultipleChoiceFilter(
        queryset=lambda request: (
            Author.objects.filter(name=request.user.username) if request else Author.objects.none()
        )
    )

    class Meta:
        model = Book
        fields = ["title"]

    @property
    def qs(self):
        found = super().qs
        return found.filter(author__name=self.request.user.username) if self.request else found


def own_rows(self, user):
    rows = Book.objects.order_by("pk")
    return rows if user is None else rows.filter(author__name=user.username)


@pytest.fixture
def person(django_user_model, db):
    def make(name):
        user = django_user_model.objects.create(username=name)
        user.user_permissions.add(Permission.objects.get(codename="view_book"))
        make_book(f"{name}'s", author=name)
        return user

    return make


class TitleFilter(django_filters.FilterSet):
    title = django_filters.CharFilter()


DECLARED = {
    "get_queryset": {"get_queryset": own_rows},
    "get_queryset and filters": {"get_queryset": own_rows, "filterset_class": TitleFilter},
    "filterset": {"filterset_class": OwnFilter},
}


@pytest.fixture(params=DECLARED)
def exporter(request, monkeypatch):
    declared = DECLARED[request.param]
    values = {"queryset": Book.objects.order_by("pk"), "columns": ("title",), "command": "export_books"}
    return declare(monkeypatch, "own", **values, **declared)


def test_a_task_exports_the_rows_of_its_owner(person, exporter, in_task, tmp_path):
    ann, ben = person("ann"), person("ben")
    for user, titles in ((ann, ["ann's"]), (ben, ["ben's"])):
        in_task(owner=user)
        assert [row["title"] for row in rows_of(exporter, tmp_path)] == titles


def test_a_run_by_hand_exports_all(person, exporter, in_task, tmp_path):
    person("ann")
    person("ben")
    assert [row["title"] for row in rows_of(exporter, tmp_path)] == ["ann's", "ben's"]
    in_task()
    assert [row["title"] for row in rows_of(exporter, tmp_path)] == ["ann's", "ben's"]


def test_what_is_sent_at_once_is_the_user_s(person, exporter, client):
    person("ben")
    client.force_login(person("ann"))
    response = client.get("/exports/own/download/", {"format": "jsonl", "compress": "none"})
    assert b"".join(response) == b'{"title":"ann\'s"}\n'


def test_a_choice_that_is_another_user_s_is_refused(person, monkeypatch, in_task, tmp_path, client):
    values = {"queryset": Book.objects.order_by("pk"), "columns": ("title",), "command": "export_books"}
    exporter = declare(monkeypatch, "own", filterset_class=OwnFilter, **values)
    ann, ben = person("ann"), person("ben")
    hers, his = (Author.objects.get(name=user.username).pk for user in (ann, ben))
    assert exporter.filtered({"author": [hers]}, user=ann).count() == 1
    with pytest.raises(InvalidFilters):
        exporter.clean({"author": [his]}, user=ann)
    client.force_login(ann)
    json = {"accept": "application/json"}
    assert client.get("/exports/own/download/", {"author": his}, headers=json).status_code == 422
    sent = client.get("/exports/own/download/", {"author": hers, "format": "jsonl", "compress": "none"})
    assert b"".join(sent) == b'{"title":"ann\'s"}\n'
    page = client.get("/exports/own/").content.decode()
    assert f'value="{hers}"' in page
    assert f'value="{his}"' not in page
    in_task(owner=ann)
    assert len(rows_of(exporter, tmp_path, f"--author={hers}")) == 1


@pytest.mark.django_db
def test_a_queryset_that_asks_for_no_user_fails_at_once(monkeypatch):
    old = declare(
        monkeypatch, "old", queryset=Book.objects.all(), columns=("pk",), get_queryset=lambda self: self.queryset
    )
    with pytest.raises(TypeError):
        old.filtered({}, user=None)
