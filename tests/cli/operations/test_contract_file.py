"""Contracts as operators write them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.command_error import CommandError
from cli.operations.contract_file import read_contract
from records.hub.operations import ClientContract, ConsentTerms, OperationMode, VariableRange
from records.purposes import Purpose
from tests.fakes.clients import build_client

WHOLE = """
issuer = "development"
client = "kios"
mode = "safelist"
cost_a_day = 5000

[scopes]
"prices:read" = ["Query.markets", "Market.*"]

[variables.Prices]
first = { at_least = 1, at_most = 10 }
names = { most_items = 5, one_of = ["a", 2] }
"""

NAMED = 'issuer = "development"\nclient = "a"\nname = "Bank"\n'
CONSENT = """[consent]
purposes = ["PAYMENT"]
days = 30
redirect_uris = ["https://bank.example/back"]
"""


def test_consent_terms_are_parsed_completely(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(f'{NAMED}{CONSENT}webhook = "https://bank.example/hooks"\nwebhook_secret = 2')
    assert read_contract(path) == ClientContract(
        client=build_client("a"),
        name="Bank",
        consent=ConsentTerms(
            purposes=(Purpose.PAYMENT,),
            days=30,
            redirect_uris=("https://bank.example/back",),
            webhook="https://bank.example/hooks",
            webhook_secret=2,
        ),
    )


def test_a_contract_is_parsed_completely(tmp_path: Path) -> None:
    path = tmp_path / "kios.toml"
    path.write_text(WHOLE)
    assert read_contract(path) == ClientContract(
        client=build_client("kios"),
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


def test_json_is_equivalent_and_the_default_mode_is_ids_only(tmp_path: Path) -> None:
    path = tmp_path / "kios.json"
    path.write_text(json.dumps({"issuer": "development", "client": "kios"}))
    assert read_contract(path) == ClientContract(client=build_client("kios"), mode=OperationMode.IDS_ONLY)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("client = ", "Invalid value"),
        ("issuer = 'x'\nclient = ''", "The name of a client has 1 to 100 printable characters"),
        ('client = "a"', "'issuer' must be the name that the client's issuer has in SIMPUL_ISSUERS"),
        ("issuer = 'X/y'\nclient = 'a'", "The issuer of a client is not a valid issuer name"),
        ("issuer = 'x'", "'client' must be the client_id of its tokens"),
        (
            'issuer = "x"\nclient = "a"\nquota = 1',
            "the contract has no member 'quota'; known are client, consent, cost_a_day, issuer,",
        ),
        (
            'issuer = "x"\nclient = "a"\nmode = "on"',
            "'mode' is 'on'; choose one of off, log-unknown, safelist, ids-only",
        ),
        ('issuer = "x"\nclient = "a"\ncost_a_day = 0', "'cost_a_day' is 0; give a number of points"),
        ('issuer = "x"\nclient = "a"\ncost_a_day = true', "'cost_a_day' is True"),
        ('issuer = "x"\nclient = "a"\n[scopes]\n"a b" = []', "the scope 'a b' has a space"),
        ('issuer = "x"\nclient = "a"\n[scopes]\na = ["*"]', "the scope 'a' must be a list of fields such as"),
        ('issuer = "x"\nclient = "a"\n[scopes]\na = ["*.*"]', "the scope 'a' must be a list of fields such as"),
        ('issuer = "x"\nclient = "a"\n[variables.A]\nb = { most = 1 }', "variables.A.b has no member 'most'"),
        (
            'issuer = "x"\nclient = "a"\n[variables.A]\nb = { at_most = "1" }',
            "'variables.A.b.at_most' must be a number",
        ),
        (
            'issuer = "x"\nclient = "a"\n[variables.A]\nb = { most_items = -1 }',
            "'variables.A.b.most_items' must be a count",
        ),
        ('issuer = "x"\nclient = "a"\n[variables.A]\nb = { one_of = 1 }', "'variables.A.b.one_of' must be a list"),
        ('issuer = "x"\nclient = "a"\nvariables = 1', "'variables' must be a table"),
        ('issuer = "x"\nclient = "a"\nname = ""', "'name' must be the client's name for people"),
        (f"issuer = 'x'\nclient = 'a'\n{CONSENT}", "'name' is missing: people must see which client asks"),
        (f"{NAMED}{CONSENT}more = 1", "'consent' has no member 'more'"),
        (f"{NAMED}{CONSENT.replace('PAYMENT', 'FUN')}", "'consent.purposes' must be a list of CIVIL_REGISTRATION,"),
        (
            f"{NAMED}{CONSENT.replace('30', '0')}",
            "'consent.days' must be the maximum days of a consent, 1 to 3650",
        ),
        (f"{NAMED}{CONSENT.replace('30', 'true')}", "'consent.days' must be the maximum days"),
        (f"{NAMED}{CONSENT.replace('back', 'back#x')}", "an address of 'consent.redirect_uris' must end before '#'"),
        (f'{NAMED}{CONSENT}webhook = "http://a.example/"', "an address of 'consent.webhook' must begin with https://"),
        (
            f'{NAMED}{CONSENT}webhook = "https://a.example/?x"',
            "an address of 'consent.webhook' must end before '?' and",
        ),
        (f"{NAMED}{CONSENT}webhook_secret = 0", "'consent.webhook_secret' must be a version, 1 or higher"),
    ],
)
def test_an_invalid_contract_is_named_with_its_fault(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(CommandError) as failure:
        read_contract(path)
    assert message in str(failure.value)
