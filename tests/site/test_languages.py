"""The catalogs: every text of the sources is in them, translated, compiled, and alike wherever it is twice."""

from __future__ import annotations

import ast
import re
import shutil
from typing import TYPE_CHECKING

import pytest
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.utils import translation

from tests.languages.catalogs import CATALOGS, LANGUAGES, ROOT, TOOLS, extract, is_translated
from tests.requirements import require

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from babel.messages import Catalog, Message

PLACES = re.compile(r"%\(\w+\)[a-z]|%%|%s|<[^>]+>")
# What users read of calls and declarations: these positions and names must not hold a bare text.
SPOKEN = {"problem": 2, "ValidationError": 0, "PermissionDenied": 0, "message_user": 1}
MESSAGES = {"debug", "info", "success", "warning", "error"}
WORDED = {"verbose_name", "verbose_name_plural", "help_text", "label", "short_description", "description"}
each_catalog = pytest.mark.parametrize("catalog", CATALOGS, ids=lambda catalog: catalog.home)
each_language = pytest.mark.parametrize("language", LANGUAGES)


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file) if path.suffix == ".po" else read_mo(file)


def messages(catalog: Catalog) -> dict[tuple[str | None, str], Message]:
    """Return the messages by context and singular."""
    return {(_text(each.context), forms(each.id)[0]): each for each in catalog if each.id}


def _text(context: str | bytes | None) -> str | None:
    """Return a context as text, which Babel reads from a compiled catalog as bytes."""
    return context.decode() if isinstance(context, bytes) else context


def read_ids(path: Path) -> set[tuple[str | None, str]]:
    return set(messages(read(path)))


def forms(texts: str | tuple[str, ...]) -> tuple[str, ...]:
    return (texts,) if isinstance(texts, str) else tuple(texts)


def mistakes(message: Message) -> Iterator[str]:
    """Yield what is wrong with a translation."""
    if message.fuzzy or not is_translated(message):
        yield "is not translated"
        return
    source = forms(message.id)[-1]
    for text in forms(message.string):
        if sorted(PLACES.findall(text)) != sorted(PLACES.findall(source)):
            yield "has other places for values"
        if (text[:1].isspace(), text[-1:].isspace()) != (source[:1].isspace(), source[-1:].isspace()):
            yield "begins or ends with other spaces"


@each_catalog
@each_language
def test_every_text_is_translated_and_compiled(catalog, language):
    translated = messages(read(catalog.path(language)))
    wrong = {text: list(mistakes(message)) for text, message in translated.items()}
    assert {text: found for text, found in wrong.items() if found} == {}
    compiled = messages(read(catalog.path(language, "mo")))
    assert {text: forms(message.string) for text, message in compiled.items()} == {
        text: forms(message.string) for text, message in translated.items()
    }, "make messages compiles it"


@each_catalog
def test_the_catalogs_have_what_the_sources_have(catalog, tmp_path):
    require("GNU gettext", all(map(shutil.which, TOOLS)), remedy="install the Debian package gettext")
    for language, path in extract(catalog, tmp_path).items():
        assert read_ids(path) == read_ids(catalog.path(language)), "make messages brings it up to date"


@each_language
def test_a_text_of_two_catalogs_is_translated_alike(language):
    """Django merges them: whoever comes first would speak for the other."""
    found: dict[tuple[str | None, str], set[tuple[str, ...]]] = {}
    for catalog in CATALOGS:
        for text, message in messages(read(catalog.path(language))).items():
            found.setdefault(text, set()).add(forms(message.string))
    assert {text: alike for text, alike in found.items() if len(alike) > 1} == {}


@each_catalog
@each_language
def test_no_other_app_speaks_for_ours(catalog, language):
    """Django's admin takes "None" for a dash: what it has in other words needs a context here."""
    with translation.override(language):
        for (context, one), message in messages(read(catalog.path(language))).items():
            said = forms(message.string)
            if len(said) > 1:
                found = tuple(translation.ngettext(*message.id, number) for number in (1, 2))
            else:
                found = (translation.pgettext(context, one) if context else translation.gettext(one),)
            assert found == said


def bare_texts(source: str) -> list[str]:
    """Return the texts that users would read in English only."""
    return [
        text.value
        for node in ast.walk(ast.parse(source))
        for text in _spoken(node)
        if isinstance(text, ast.Constant) and isinstance(text.value, str) and " " in text.value.strip()
    ]


def _spoken(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Assign) and any(getattr(target, "id", "") in WORDED for target in node.targets):
        yield node.value
    if not isinstance(node, ast.Call):
        return
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    is_message = name in MESSAGES and getattr(getattr(node.func, "value", None), "id", "") == "messages"
    yield from node.args[1:2] if is_message else ()
    if name in SPOKEN:
        yield from node.args[SPOKEN[name] :][:1]
    if name not in {"dict", "add_parser", "add_argument"}:
        yield from (keyword.value for keyword in node.keywords if keyword.arg in WORDED)


@pytest.mark.parametrize("folder", ["brokerless", "library", "exports"])
def test_no_text_for_users_stands_bare_in_the_sources(folder):
    left_out = {"migrations", "management", "testing"}
    paths = [path for path in (ROOT / folder).rglob("*.py") if not left_out.intersection(path.parts)]
    found = {str(path.relative_to(ROOT)): bare_texts(path.read_text()) for path in paths}
    assert {path: texts for path, texts in found.items() if texts} == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("problem(request, 404, 'No such task.')", ["No such task."]),
        ("problem(request, 404, _('No such task.'))", []),
        ("raise ValidationError('No such task.')", ["No such task."]),
        ("messages.error(request, 'No such task.')", ["No such task."]),
        ("logger.error(request, 'No such task.')", []),
        ("self.message_user(request, 'No such task.')", ["No such task."]),
        ("class Meta: verbose_name = 'a task'", ["a task"]),
        ("name = models.CharField(help_text='Of a task.')", ["Of a task."]),
        ("@admin.display(description='time taken')\ndef f(): ...", ["time taken"]),
    ],
)
def test_what_stands_bare_would_be_found(source, found):
    assert bare_texts(source) == found
