"""The columns of an export, as they are declared."""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.db.models import Field, Model
    from django.db.models.expressions import Combinable

    from brokerless.exports.kinds import Kind

# What `date_format` may hold beside literal characters; every database can write these.
DIRECTIVES = "YmdHMS"
TRUE_AND_FALSE = ("true", "false")


@dataclass(frozen=True)
class Column:
    """One column: where its values come from, what it is called, and how they are shown.

    value: a field's path (`author__name`), an ORM expression (`Count("books")`), or a callable of the instance.
    label: the header, by default the name.
    name: how users and JSON name the column, by default the path or the callable's name; an expression needs one.
    null: what stands for no value in formats made of text; typed ones and JSON have a null of their own.
    booleans: the texts of true and false.
    has_choice_labels: whether the labels of the field's choices are shown, and not their values.
    date_format: of %Y %m %d %H %M %S and literal characters, for dates, moments and times; by default ISO 8601.
    places: digits after the point, of decimals and floats; a half is rounded to the even neighbour.
    select_related, prefetch: what a callable reads beside its instance.
    """

    value: str | Combinable | Callable[[Model], Any]
    label: str = ""
    _: KW_ONLY
    name: str = ""
    null: str = ""
    booleans: tuple[str, str] = TRUE_AND_FALSE
    has_choice_labels: bool = False
    date_format: str = ""
    places: int | None = None
    select_related: Sequence[str] = ()
    prefetch: Sequence[Any] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or self._own_name())
        _check_date_format(self.date_format)
        if len(self.booleans) != 2 or isinstance(self.booleans, str):
            raise ValueError(
                f"The column {self.name!r} has booleans={self.booleans!r}; give the texts of true and false."
            )
        if (self.select_related or self.prefetch) and not self.is_callable:
            raise ValueError(
                f"The column {self.name!r} has select_related or prefetch, which are for callables; "
                f"a path or an expression joins what it needs."
            )

    @property
    def header(self) -> str:
        return str(self.label or self.name)

    @property
    def is_callable(self) -> bool:
        """Whether an instance is needed to know the value."""
        return not isinstance(self.value, str) and not hasattr(self.value, "resolve_expression")

    def _own_name(self) -> str:
        """Return the name that the value has. Raises ValueError for one that has none."""
        if isinstance(self.value, str):
            return self.value
        name = getattr(self.value, "__name__", "")
        if not self.is_callable or not name.isidentifier():
            raise ValueError(f"A column of {self.value!r} needs a name, as in Column(…, name='books').")
        return name


@dataclass(frozen=True)
class PlannedColumn:
    """A column of one export, whose kind is known: what row sources read and formats write.

    null: what stands for no value in formats made of text. max_digits, decimal_places: of decimals, where known.
    convert: what turns a value of the database, which is not None, into one of the kind; None where it is one.
    declared, alias, field: the declaration; the name of its values in the planned queryset, empty for a callable;
    and the model field whose values they are. is_stored: whether they are read as they are stored, not computed.
    """

    header: str
    name: str
    kind: Kind
    null: str = ""
    max_digits: int | None = None
    decimal_places: int | None = None
    convert: Callable[[Any], Any] | None = None
    declared: Column | None = None
    alias: str = ""
    field: Field | None = None
    is_stored: bool = False


def _check_date_format(text: str) -> None:
    """Raise ValueError for a directive that not every database can write."""
    for found in re.findall("%(.?)", text.replace("%%", ""), re.DOTALL):
        if found not in DIRECTIVES or not found:
            known = " ".join(f"%{letter}" for letter in DIRECTIVES)
            raise ValueError(f"date_format={text!r} has %{found}; there is: {known} and %% for %.")
