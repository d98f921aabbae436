"""System checks of exporters' filters: whether each can be given, and by one name only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core import checks

from brokerless.checks import TAG
from brokerless.exports.asking.filter_names import not_to_be_given, taken_twice
from brokerless.exports.registry import all_exporters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brokerless.exports.exporter import Exporter

ID = "brokerless_exports.E008"


@checks.register(TAG)
def check_filters(**_: Any) -> list[checks.CheckMessage]:
    """E008: a filter cannot be given as text under its name, or two have the same name."""
    return [message for exporter in all_exporters() for message in _messages(exporter)]


def _messages(exporter: Exporter) -> Iterator[checks.CheckMessage]:
    filterset_class, model = exporter.filterset_class, exporter.model
    for name in not_to_be_given(filterset_class, model):
        yield checks.Error(
            f"The exporter {exporter.name!r} has a filter {name!r} whose widget takes no text of that name.",
            hint="Give it another widget, such as a text field; of several inputs, a SuffixedMultiWidget of such.",
            id=ID,
        )
    for name, wholes in taken_twice(filterset_class, model).items():
        yield checks.Error(
            f"The exporter {exporter.name!r} has two filters that are given as {name!r}: {' and '.join(wholes)}.",
            hint="Give one of them another name; field_name says what it filters by.",
            id=ID,
        )
