"""Prose is plain English: none of the refused words, and sentences of a readable length."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import typer.main
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, build_schema

from cli.main import build_app
from settings import Settings
from tests.docs.pages import ROOT, find_pages, page_name
from tests.docs.prose import (
    REFUSED,
    Prose,
    count_words,
    measure,
    read_comments,
    read_markdown,
    read_modules,
    read_python,
)

MAX_MEAN = 18.0
"""Words of a sentence on average, for each group of texts."""
MAX_WORDS = 45
"""Words of a single sentence."""

FOLDERS = (
    *("auth", "benchmarks", "cache", "cli", "connectors", "deploy", "docs", "engine", "records", "resolvers"),
    *("sandbox", "schema", "scripts", "server.py", "services", "settings", "store", "telemetry", "web", "wiring"),
    "workers",
    *sorted(f"tests/{path.parent.name}" for path in (ROOT / "tests").glob("*/__init__.py")),
    *sorted(f"tests/{path.name}" for path in (ROOT / "tests").glob("*.py")),
)
"""All code: its docstrings, comments, texts and names of tests."""

ALLOWED = {
    ("data/letters/breach-people.md", "dear"): "the salutation of a letter",
    **{("tests/docs/prose.py", word): "the list of refused words" for word in REFUSED if " " in word},
    ("tests/docs/test_prose.py", "stands in"): "a key of this list, and planted words",
    **{("tests/docs/test_prose.py", word): "same" for word in ("anew", "is none", "told", "whoever", "whom")},
    ("store/migrations/versions/0002_access_ledger.py", "whom"): "a migration that ran is never changed",
    ("store/migrations/versions/0007_consents.py", "stands in"): "same",
}
"""Refused words that are right at one place, with the reason."""


def read_pages(folder: str) -> Iterator[Prose]:
    """The prose of the Markdown pages directly in a folder."""
    for path in find_pages():
        if path.parent == ROOT / folder:
            yield from read_markdown(path.read_text(encoding="utf-8"), page_name(path))


def read_schema() -> Iterator[Prose]:
    """The descriptions of the graph: types, fields, arguments and values of enums."""
    schema = build_schema((ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8"))
    for name, type_ in schema.type_map.items():
        described: dict[str, Any] = {name: type_}
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for field_name, field in type_.fields.items():
                described[f"{name}.{field_name}"] = field
                described |= {f"{name}.{field_name}({key})": each for key, each in getattr(field, "args", {}).items()}
        elif isinstance(type_, GraphQLEnumType):
            described |= {f"{name}.{key}": value for key, value in type_.values.items()}
        for place, each in described.items():
            yield from read_markdown(each.description or "", f"schema.graphql {place}")


def read_command_help(command: Any = None, name: str = "simpul") -> Iterator[Prose]:  # noqa: ANN401 - typer has its own copy of click
    """The help of each command, and of its options and arguments."""
    command = typer.main.get_command(build_app()) if command is None else command
    for text in (command.help, *(getattr(each, "help", None) for each in command.params)):
        yield from read_markdown(text or "", name)
    for key, each in getattr(command, "commands", {}).items():
        yield from read_command_help(each, f"{name} {key}")


def read_configuration() -> Iterator[Prose]:
    """The comments of scripts, deployment files and other configuration."""
    files = [ROOT / each for each in (".ci/run", ".npmrc", "Makefile", "pyproject.toml")]
    files += [each for each in (ROOT / "deploy").rglob("*") if each.is_file() and each.suffix not in {".lock", ".pyc"}]
    files += [each for each in (ROOT / "scripts").iterdir() if each.is_file() and not each.suffix]
    files += [*(ROOT / "sandbox").rglob("*.toml"), *(ROOT / "docs").rglob("*.toml")]
    for path in sorted(files):
        yield from read_comments(path.read_text(encoding="utf-8"), page_name(path))


def read_page_words(words: Any = None, place: str = "web/pages/words/en.toml") -> Iterator[Prose]:  # noqa: ANN401 - TOML
    """The English texts of the hub's pages."""
    words = tomllib.loads((ROOT / place).read_text(encoding="utf-8")) if words is None else words
    if isinstance(words, Mapping):
        for key, each in words.items():
            yield from read_page_words(each, f"{place} {key}")
    else:
        yield from read_markdown(str(words), place)


def read_settings() -> Iterator[Prose]:
    """The descriptions of settings."""
    for name, field in Settings.model_fields.items():
        yield from read_markdown(field.description or "", f"SIMPUL_{name.upper()}")


MARKDOWN = sorted({str(path.parent.relative_to(ROOT)) for path in find_pages()})
GROUPS: dict[str, Callable[[], Iterator[Prose]]] = {
    **{f"pages in {folder}": partial(read_pages, folder) for folder in MARKDOWN},
    "graph descriptions": read_schema,
    "command help": read_command_help,
    "settings descriptions": read_settings,
    "configuration comments": read_configuration,
    "words of pages": read_page_words,
    **{f"code in {folder}": partial(read_modules, ROOT / folder, ROOT) for folder in FOLDERS},
}


@cache
def read_group(name: str) -> tuple[Prose, ...]:
    return tuple(GROUPS[name]())


@pytest.mark.parametrize("name", GROUPS)
def test_prose_uses_no_refused_word(name: str) -> None:
    found = [
        f"{each.place}:{each.line}: {word!r} in {each.text[:120]!r}"
        for each in read_group(name)
        for word in each.find_refused()
        if (each.place, word) not in ALLOWED
    ]
    assert found == []


@pytest.mark.parametrize("name", GROUPS)
def test_sentences_are_short_on_average_and_none_is_endless(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    sentences, mean = measure(read_group(name))
    record_property("sentences", sentences)
    record_property("words of a sentence", round(mean, 1))
    print(f"{name}: {sentences} sentences of {mean:.1f} words")  # noqa: T201 - `pytest -rP` shows it
    assert mean <= MAX_MEAN
    long = [
        f"{each.place}:{each.line}: {count_words(sentence)} words: {sentence[:120]!r}"
        for each in read_group(name)
        for sentence in each.split_sentences()
        if count_words(sentence) > MAX_WORDS
    ]
    assert long == []


@pytest.mark.parametrize(("place", "word"), ALLOWED)
def test_an_allowed_word_is_still_there(place: str, word: str) -> None:
    text = (ROOT / place).read_text(encoding="utf-8")
    prose = read_python(text, place) if place.endswith(".py") else read_markdown(text, place)
    assert word in {found for each in prose for found in each.find_refused()}


@pytest.mark.parametrize("word", REFUSED)
def test_a_planted_word_is_found_in_pages_and_code(word: str) -> None:
    sentence = f"The hub {word.upper()} does it."
    (page,) = read_markdown(f"# Title\n\n- {sentence}\n".partition("\n\n")[2], "planted.md")
    cells = list(read_markdown(f"| a | {sentence} |\n", "planted.md"))
    if word == "is none":
        sentence = "The purpose is none."
        (page,) = read_markdown(sentence, "planted.md")
        cells = list(read_markdown(f"| a | {sentence} |\n", "planted.md"))
    code = list(read_python(f'"""{sentence}"""\nNAME = f"{{1}} {sentence}"  # {sentence}\n', "planted.py"))
    (comment,) = read_comments(f"#!/bin/sh\n# {sentence}\nname=1\n", "planted")
    assert page.find_refused() == comment.find_refused() == [word]
    assert [each.find_refused() for each in cells] == [[], [word]]
    assert [each.find_refused() for each in code] == [[word]] * 3


def test_code_names_and_python_values_are_not_prose() -> None:
    text = (
        "If `told` is None, there is none.\n\n```sh\nwhoever\n```\n\n<!-- anew -->\n\n[a](https://whom.example/told)\n"
    )
    assert [word for each in read_markdown(text, "page.md") for word in each.find_refused()] == []


def test_sentences_are_counted_without_code_tables_and_headings() -> None:
    text = "# One two three\n\nOne two three. Four `a b c`\nfive six.\n\n- Seven: eight\n\n| nine ten |\n|---|\n"
    assert measure(read_markdown(text, "page.md")) == (3, 3.0)


def test_a_planted_long_sentence_is_counted_whole() -> None:
    sentence = " ".join(["word"] * (MAX_WORDS + 1))
    (page,) = read_markdown(f"{sentence}.", "planted.md")
    assert [count_words(each) for each in page.split_sentences()] == [MAX_WORDS + 1]


def test_every_switched_on_folder_exists() -> None:
    assert [each for each in FOLDERS if not Path(ROOT / each).exists()] == []
