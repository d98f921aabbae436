"""The parts of an exporter's form that say what the file is to be, and whom to mail it to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django_filters.utils import get_model_field

from brokerless.call import in_words
from brokerless.exports.asking.file_options import DELIMITER_LABELS, DELIMITERS, delimiter_name, offered_format
from brokerless.exports.asking.forms import ADDRESSES_FIELD, MAIL_FIELD, from_form
from brokerless.exports.conf import settings
from brokerless.exports.formats.layout import FORMATS, GZIP, NONE
from brokerless.exports.mailing.recipients import MAIL_TO_OTHERS, own_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
    from django.http import QueryDict
    from django.utils.safestring import SafeString

    from brokerless.exports.columns import Column
    from brokerless.exports.exporter import Exporter

COMMA = next(name for name, character in DELIMITERS.items() if character == ",")


class FileForm(forms.Form):
    """Shows options as they were sent, or as they are by default, with what is wrong beside them.

    It checks nothing itself: what is sent is read, from programs too, by `forms.read`.
    """

    def __init__(self, fields: dict[str, forms.Field], sent: Mapping[str, Any], errors: Mapping[str, Any]) -> None:
        usual = {name: field.initial for name, field in fields.items()}
        super().__init__(usual | {name: sent[name] for name in fields if name in sent})
        self.fields = fields
        self.is_changed = any(self[name].value() != value for name, value in usual.items())
        for name in fields:
            for text in errors.get(name, ()):
                self.add_error(name, text)


def file_forms(
    exporter: Exporter,
    user: AbstractBaseUser | AnonymousUser,
    data: QueryDict,
    errors: Mapping[str, list[str]],
) -> dict[str, FileForm]:
    """Return the parts of the form: the file, more of it, and the mail."""
    sent = {name: value for name, value in from_form(data, exporter).items() if value != ""}
    fields = {"file": _file_fields(exporter), "more": _more_fields(), "mail": _mail_fields(user)}
    return {part: FileForm(found, sent, errors) for part, found in fields.items()}


class Checkbox(forms.CheckboxInput):
    """A box that is ticked by default: what stands before it says that it was there, and is not ticked now."""

    def render(self, name: str, *arguments: Any, **keywords: Any) -> SafeString:
        return _with_hidden(name, "false", super().render(name, *arguments, **keywords))


class _Delimiter(forms.Select):
    """A delimiter by its name, however it was sent."""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        value = super().value_from_datadict(data, files, name)
        return delimiter_name(value) if value in DELIMITERS.values() else value


class _Columns(forms.CheckboxSelectMultiple):
    """Boxes of which one has to be ticked."""

    def render(self, name: str, *arguments: Any, **keywords: Any) -> SafeString:
        return _with_hidden(name, "", super().render(name, *arguments, **keywords))


def _with_hidden(name: str, value: str, widget: SafeString) -> SafeString:
    return format_html('<input type="hidden" name="{}" value="{}">{}', name, value, widget)


def _file_fields(exporter: Exporter) -> dict[str, forms.Field]:
    columns = [(column.name, _column_label(exporter, column)) for column in exporter.get_columns()]
    return {
        "format": _field(
            _("Format"),
            forms.Select(choices=[(name, FORMATS[name].label) for name in exporter.get_formats()]),
            initial=offered_format(exporter),
        ),
        "columns": _field(
            _("Columns"),
            _Columns(choices=columns, attrs={"class": "bl-choices"}),
            initial=[name for name, _label in columns],
        ),
    }


def _column_label(exporter: Exporter, column: Column) -> str:
    """Return what people call a column, and small what stands at its head in the file, where that is another."""
    model_field = get_model_field(exporter.model, column.value) if isinstance(column.value, str) else None
    said = column.label or (model_field.verbose_name if model_field else in_words(column.name))
    label, header = capfirst(str(said)), column.header
    if label.lower() == header.replace("_", " ").lower():
        return label
    return format_html('<span>{} <small class="bl-hint">{}</small></span>', label, header)


def _more_fields() -> dict[str, forms.Field]:
    ways = [("", _("As usual")), (GZIP, "gzip"), (NONE, pgettext("compression", "None"))]
    return {
        "compress": _field(
            _("Compression"),
            forms.Select(choices=ways),
            initial="",
            help_text=_("As usual: gzip for text; Excel and Parquet files are compressed in themselves."),
        ),
        "delimiter": _field(
            _("Delimiter"),
            _Delimiter(choices=[*DELIMITER_LABELS.items()]),
            initial=COMMA,
            help_text=_("Between the cells of a CSV file."),
        ),
        "bom": _field(
            _("Byte order mark"),
            forms.CheckboxInput(),
            initial=False,
            help_text=_("For Excel, which takes a CSV file without one for another encoding."),
        ),
        "guard": _field(
            _("Guard against formulas"),
            Checkbox(),
            initial=True,
            help_text=_("An apostrophe before texts that a spreadsheet would run as formulas."),
        ),
    }


def _mail_fields(user: AbstractBaseUser | AnonymousUser) -> dict[str, forms.Field]:
    fields = {}
    if address := own_address(user):
        label = _("Also mail the file to %(address)s") % {"address": address}
        fields[MAIL_FIELD] = _field(label, forms.CheckboxInput(), initial=False)
    if user.has_perm(MAIL_TO_OTHERS):
        most = settings.MAX_RECIPIENTS
        text = ngettext(
            "Separated by commas; with your own at most %(most)s address.",
            "Separated by commas; with your own at most %(most)s addresses.",
            most,
        )
        fields[ADDRESSES_FIELD] = _field(
            _("And to others"), _Addresses(), initial=[], help_text=text % {"most": most}
        )
    return fields


class _Addresses(forms.TextInput):
    """Several e-mail addresses in one line."""

    def format_value(self, value: list[str]) -> str:
        return ", ".join(value)


def _field(label: str, widget: forms.Widget, **keywords: Any) -> forms.Field:
    return forms.Field(label=label, widget=widget, required=False, **keywords)
