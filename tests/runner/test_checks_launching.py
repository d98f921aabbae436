"""System checks of what may be launched in the admin."""

from __future__ import annotations

import pytest
from django.core import checks

from tests.runner import checking


@pytest.fixture
def ids(settings, runtime_dir):
    """Return the function that gives the ids of our messages with these ADMIN_COMMANDS."""

    def found(names: object) -> list[str]:
        settings.BROKERLESS = settings.BROKERLESS | {"ADMIN_COMMANDS": names}
        return checking.ids(checks.run_checks(tags=["brokerless"], databases=[]))

    return found


@pytest.mark.parametrize("names", [[], ["generate_books"], ("export_books", "load_books"), ["options_probe"]])
def test_commands_with_a_form_are_not_said(ids, names):
    assert ids(names) == []


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["nope"], ["brokerless.E016"]),
        ([None, "generate_books", ""], ["brokerless.E016", "brokerless.E016"]),
        (["tasks"], ["brokerless.W012"]),
        ("generate_books", ["brokerless.E001"]),
        ({"generate_books"}, ["brokerless.E001"]),
    ],
)
def test_what_the_admin_cannot_offer_is_said(ids, names, expected):
    assert ids(names) == expected
