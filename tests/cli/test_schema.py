"""`simpul schema` protects the graph that callers rely on."""

import re
from pathlib import Path

import pytest

from cli import schema
from cli.command_error import CommandError
from cli.operations import commands
from records.hub.operations import ClientContract, RegisteredOperation
from tests.cli.command_line import run_simpul
from tests.fakes.clients import build_client
from tests.sandbox_agencies import ROOT

SNAPSHOT = (ROOT / "schema" / "schema.graphql").read_text()
BEFORE = """
type Query { market(id: ID!): Market }
type Market { name: String phone: String level: Level }
enum Level { RETAIL WHOLESALE }
"""


def test_the_printed_graph_is_the_checked_in_one(tmp_path: Path) -> None:
    outcome = run_simpul(tmp_path, "schema", "print")
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout == SNAPSHOT


def test_the_checked_in_graph_passes(tmp_path: Path) -> None:
    outcome = run_simpul(tmp_path, "schema", "check")
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout == "The graph is the one in schema/schema.graphql.\n"


def test_a_removed_field_is_named_as_breaking_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot = tmp_path / "schema.graphql"
    snapshot.write_text(SNAPSHOT.replace("type Query {", "type Query {\n  weather: String\n", 1))
    monkeypatch.setattr(schema, "ROOT", tmp_path)
    monkeypatch.setattr(schema, "SNAPSHOT", snapshot)
    with pytest.raises(CommandError, match=r"^the graph differs from schema/schema\.graphql, 1 breaking change: "):
        schema.check_schema()
    assert capsys.readouterr().err == "breaking: Field Query.weather was removed.\n"


def test_an_added_field_fails_but_is_not_called_breaking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot = tmp_path / "schema.graphql"
    without, removed = re.subn(r'  """[^"]*"""\n  birthPlace: String\n', "", SNAPSHOT)
    assert removed == 1
    snapshot.write_text(without)
    monkeypatch.setattr(schema, "SNAPSHOT", snapshot)
    with pytest.raises(CommandError, match="0 breaking changes"):
        schema.check_schema()
    assert capsys.readouterr().err == ""


def test_writing_makes_the_check_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "ROOT", tmp_path)
    monkeypatch.setattr(schema, "SNAPSHOT", tmp_path / "schema.graphql")
    monkeypatch.setattr(schema, "ACCESS_PAGE", tmp_path / "field-access.md")
    monkeypatch.setattr(schema, "DECISION_TABLE", tmp_path / "decision-table.md")
    with pytest.raises(CommandError, match=r"schema\.graphql is missing: write it with `simpul schema write`"):
        schema.check_schema()
    schema.write_schema()
    schema.check_schema()
    assert (tmp_path / "schema.graphql").read_text() == SNAPSHOT
    assert (tmp_path / "field-access.md").read_text().startswith("# Who sees what\n")
    assert (tmp_path / "decision-table.md").read_text().startswith("# Decisions about every field\n")


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
def test_changes_are_grouped_by_their_effect_on_callers(now: str, breaking: list[str], dangerous: list[str]) -> None:
    changes = schema.compare_schemas(BEFORE, now)
    assert changes == {"breaking": breaking, "dangerous": dangerous}


def test_the_command_names_the_clients_that_a_change_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot = tmp_path / "schema.graphql"
    name = SNAPSHOT.index("name: String!", SNAPSHOT.index("type Market "))
    snapshot.write_text(f"{SNAPSHOT[:name]}name: Int!{SNAPSHOT[name + len('name: String!') :]}")
    monkeypatch.setattr(schema, "SNAPSHOT", snapshot)
    scopes = {"open": ("Query.*", "Market.*", "Region.*")}
    texts = {"kios": "query Prices { markets(first: 1) { name } }", "lain": "query Regions { regions { code } }"}
    published = [
        (
            ClientContract(client=build_client(client), scopes=scopes),
            RegisteredOperation(client=build_client(client), id="1", name=text.split()[1], text=text),
        )
        for client, text in texts.items()
    ]
    monkeypatch.setattr(commands, "load_published_operations", lambda: published)
    with pytest.raises(CommandError, match="the graph differs"):
        schema.check_schema(registered=True)
    broken = [line for line in capsys.readouterr().err.splitlines() if line.startswith("breaks client")]
    assert broken == ["breaks client development/kios: Prices (1): Market.name was Int! and is now String!."]
