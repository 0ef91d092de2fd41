"""Contracts, as operators write them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.contracts import read_contract
from cli.failure import Failure
from records.operations import ClientContract, OperationMode, VariableRange

WHOLE = """
client = "kios"
mode = "safelist"
cost_a_day = 5000

[scopes]
"prices:read" = ["Query.markets", "Market.*"]

[variables.Prices]
first = { at_least = 1, at_most = 10 }
names = { most_items = 5, one_of = ["a", 2] }
"""


def test_a_contract_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "kios.toml"
    path.write_text(WHOLE)
    assert read_contract(path) == ClientContract(
        client="kios",
        mode=OperationMode.SAFELIST,
        scopes={"prices:read": ("Query.markets", "Market.*")},
        variables={
            "Prices": {
                "first": VariableRange(at_least=1, at_most=10),
                "names": VariableRange(most_items=5, one_of=("a", 2)),
            }
        },
        cost_a_day=5000,
    )


def test_json_says_the_same_and_ids_only_is_what_is_not_said(tmp_path: Path) -> None:
    path = tmp_path / "kios.json"
    path.write_text(json.dumps({"client": "kios"}))
    assert read_contract(path) == ClientContract(client="kios", mode=OperationMode.IDS_ONLY)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("client = ", "Invalid value"),
        ('client = ""', "'client' must be the client_id of its tokens"),
        ('client = "a"\nquota = 1', "the contract has no member 'quota'; known are client, cost_a_day, mode,"),
        ('client = "a"\nmode = "on"', "'mode' is 'on'; choose one of off, log-unknown, safelist, ids-only"),
        ('client = "a"\ncost_a_day = 0', "'cost_a_day' is 0; give a number of points"),
        ('client = "a"\ncost_a_day = true', "'cost_a_day' is True"),
        ('client = "a"\n[scopes]\n"a b" = []', "the scope 'a b' has a space"),
        ('client = "a"\n[scopes]\na = ["*"]', "the scope 'a' must be a list of fields such as"),
        ('client = "a"\n[scopes]\na = ["*.*"]', "the scope 'a' must be a list of fields such as"),
        ('client = "a"\n[variables.A]\nb = { most = 1 }', "variables.A.b has no member 'most'"),
        ('client = "a"\n[variables.A]\nb = { at_most = "1" }', "'variables.A.b.at_most' is no number"),
        ('client = "a"\n[variables.A]\nb = { most_items = -1 }', "'variables.A.b.most_items' is no count"),
        ('client = "a"\n[variables.A]\nb = { one_of = 1 }', "'variables.A.b.one_of' is no list"),
        ('client = "a"\nvariables = 1', "'variables' must be a table"),
    ],
)
def test_what_is_wrong_with_a_contract_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(Failure) as failure:
        read_contract(path)
    assert says in str(failure.value)
