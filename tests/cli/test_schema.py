"""`simpul schema` guards the graph that callers rely on."""

import re
from pathlib import Path

import pytest

from cli import operations, schema
from cli.failure import Failure
from records.operations import ClientContract, RegisteredOperation
from tests.city import ROOT
from tests.cli.running import simpul
from tests.clients import client_named

SNAPSHOT = (ROOT / "schema" / "schema.graphql").read_text()
BEFORE = """
type Query { market(id: ID!): Market }
type Market { name: String phone: String level: Level }
enum Level { RETAIL WHOLESALE }
"""


def test_the_graph_is_printed_as_it_is_checked_in(tmp_path: Path) -> None:
    outcome = simpul(tmp_path, "schema", "print")
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout == SNAPSHOT


def test_the_checked_in_graph_passes(tmp_path: Path) -> None:
    outcome = simpul(tmp_path, "schema", "check")
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout == "The graph is the one in schema/schema.graphql.\n"


def test_a_field_that_goes_is_named_as_breaking_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot = tmp_path / "schema.graphql"
    snapshot.write_text(SNAPSHOT.replace("type Query {", "type Query {\n  weather: String\n", 1))
    monkeypatch.setattr(schema, "ROOT", tmp_path)
    monkeypatch.setattr(schema, "SNAPSHOT", snapshot)
    with pytest.raises(Failure, match=r"^the graph differs from schema/schema\.graphql, 1 breaking change: "):
        schema.check()
    assert capsys.readouterr().err == "breaking: Field Query.weather was removed.\n"


def test_a_graph_that_only_grew_fails_too_and_nothing_is_called_breaking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot = tmp_path / "schema.graphql"
    without, removed = re.subn(r'  """[^"]*"""\n  birthPlace: String\n', "", SNAPSHOT)
    assert removed == 1
    snapshot.write_text(without)
    monkeypatch.setattr(schema, "SNAPSHOT", snapshot)
    with pytest.raises(Failure, match="0 breaking changes"):
        schema.check()
    assert capsys.readouterr().err == ""


def test_writing_makes_the_check_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "ROOT", tmp_path)
    monkeypatch.setattr(schema, "SNAPSHOT", tmp_path / "schema.graphql")
    monkeypatch.setattr(schema, "ACCESS_PAGE", tmp_path / "access.md")
    with pytest.raises(Failure, match=r"schema\.graphql is missing: write it with `simpul schema write`"):
        schema.check()
    schema.write()
    schema.check()
    assert (tmp_path / "schema.graphql").read_text() == SNAPSHOT
    assert (tmp_path / "access.md").read_text().startswith("# Who sees what\n")


@pytest.mark.parametrize(
    ("now", "breaking", "dangerous"),
    [
        (BEFORE, [], []),
        (BEFORE.replace("phone: String", ""), ["Field Market.phone was removed."], []),
        (BEFORE.replace("name: String", "name: Int"), ["Field Market.name changed type from String to Int."], []),
        (BEFORE.replace("WHOLESALE", "WHOLESALE MIXED"), [], ["Enum value Level.MIXED was added."]),
        (BEFORE.replace("phone: String", "phone: String city: String"), [], []),
    ],
)
def test_changes_are_told_by_what_they_do_to_callers(now: str, breaking: list[str], dangerous: list[str]) -> None:
    changes = schema.compare(BEFORE, now)
    assert changes == {"breaking": breaking, "dangerous": dangerous}


def test_the_command_names_the_clients_that_a_change_hits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot = tmp_path / "schema.graphql"
    name = SNAPSHOT.index("name: String!", SNAPSHOT.index("type Market "))
    snapshot.write_text(f"{SNAPSHOT[:name]}name: Int!{SNAPSHOT[name + len('name: String!') :]}")
    monkeypatch.setattr(schema, "SNAPSHOT", snapshot)
    scopes = {"open": ("Query.*", "Market.*", "Region.*")}
    texts = {"kios": "query Prices { markets(first: 1) { name } }", "lain": "query Regions { regions { code } }"}
    stands = [
        (
            ClientContract(client=client_named(client), scopes=scopes),
            RegisteredOperation(client=client_named(client), id="1", name=text.split()[1], text=text),
        )
        for client, text in texts.items()
    ]
    monkeypatch.setattr(operations, "published_operations", lambda: stands)
    with pytest.raises(Failure, match="the graph differs"):
        schema.check(registered=True)
    broken = [line for line in capsys.readouterr().err.splitlines() if line.startswith("breaks client")]
    assert broken == ["breaks client development/kios: Prices (1): Market.name was Int! and is String!."]
