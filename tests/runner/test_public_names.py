"""What `import brokerless` offers, and what it does not cost."""

from __future__ import annotations

import subprocess
import sys

import pytest

import brokerless


def test_every_public_name_can_be_imported():
    for name in brokerless.__all__:
        assert getattr(brokerless, name).__name__ == name


def test_public_names_are_sorted_and_hold_those_that_are_imported_when_used():
    assert brokerless.__all__ == sorted(brokerless.__all__)
    assert set(brokerless._HOMES) <= set(brokerless.__all__)


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'brokerless' has no attribute 'typo'"):
        _ = brokerless.typo


@pytest.mark.system
def test_the_package_is_imported_without_django():
    code = "import sys, brokerless; print('django' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def test_every_public_name_is_in_the_docs(pytestconfig):
    text = (pytestconfig.rootpath / "docs" / "commands.md").read_text()
    assert [name for name in brokerless.__all__ if name not in text] == []
