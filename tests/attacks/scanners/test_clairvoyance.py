"""clairvoyance rebuilds a schema from error messages and a list of words; with introspection off it learns nothing.

Its list here holds every name of the graph, which an attacker's list would not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType, build_schema

from tests.attacks.scanners.scanner_runner import scan
from tests.journeys.hub import HubClient
from tests.sandbox_agencies import ROOT

GIVES_UP = "It is very likely that Field Suggestion is not fully enabled on this endpoint."
"""Its output if no message revealed a type."""


def list_graph_names() -> Iterator[str]:
    graph = build_schema((ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8"))
    for name, type_ in graph.type_map.items():
        if isinstance(type_, GraphQLObjectType) and not name.startswith("__"):
            for field, described in type_.fields.items():
                yield field
                yield from described.args
        elif isinstance(type_, GraphQLInputObjectType):
            yield from type_.fields


@pytest.fixture(scope="module")
def words() -> list[str]:
    """Every name of the graph, and as many other words."""
    own = sorted(set(list_graph_names()))
    assert {"citizen", "nik", "taxObjects", "reportedFrom"} <= set(own)
    return [*own, *(f"{name}z" for name in own)]


@pytest.fixture(scope="module")
def list_of_words(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clairvoyance") / "words.txt"
    path.write_text("\n".join(words), encoding="utf-8")
    return path


@pytest.mark.parametrize("caller", [None, "siti"])
async def test_clairvoyance_finds_no_field_argument_or_type(
    wired: HubClient, list_of_words: Path, tmp_path: Path, caller: str | None
) -> None:
    found = tmp_path / "schema.json"
    token = [option for name, value in wired.headers(caller).items() for option in ("-H", f"{name}: {value}")]
    scanned = await scan(
        "clairvoyance",
        *token,
        "-w",
        str(list_of_words),
        "-o",
        str(found),
        f"{wired.url}/graphql",
        timeout=60,
        folder=tmp_path,
    )
    assert scanned.code != 0
    assert GIVES_UP in scanned.output
    assert not found.exists()


@pytest.mark.parametrize("places", [1, pytest.param(3, marks=pytest.mark.long)], ids=["one", "all"])
async def test_every_word_gets_the_same_answer(wired: HubClient, words: list[str], places: int) -> None:
    """clairvoyance needs a message that differs between names of the graph and other words.

    The next word gets another place, so that each place gets a third of them.
    """
    outcomes = set()
    for number, word in enumerate(words):
        queries = (f"{{ {word} {{ zz }} }}", f"{{ me {{ {word} {{ zz }} }} }}", f"{{ citizen({word}: {{}}) }}")
        for query in [queries[(number + place) % 3] for place in range(places)]:
            answer = await wired.ask(query)
            outcomes.add(json.dumps([{**each, "locations": None} for each in answer.body["errors"]]))
            assert "data" not in answer.body
    assert len(outcomes) == 1, outcomes
