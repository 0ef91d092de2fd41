"""The file of issuers: its syntax, and the errors about its faults."""

import json
from pathlib import Path
from typing import Any

import pytest

from auth.caller import Assurance, CallerKind
from auth.tokens.issuers import EIDAS_LEVELS, ClaimNames, Issuer, is_safe_address, load_issuers

WHOLE = """
[[issuer]]
name = "warga"
url = "https://masuk.jakarta.example"
audience = "https://simpul.jakarta.example"
kinds = ["citizen", "business"]

[[issuer]]
name = "pegawai"
url = "https://sso.jakarta.example/realms/asn"
audience = ["simpul", "simpul-desk"]
algorithms = ["RS256", "ES256"]
types = ["at+jwt", "JWT"]
kinds = ["official", "supervisor", "agency-system"]
kind_values = { ASN = "official", INSPEKTUR = "supervisor" }
must_be_bound = ["agency-system"]
longest_lifetime = 3600

[issuer.clients.siak]
kind = "agency-system"
agency = "dukcapil"

[issuer.claims]
kind = "jenis"
agency = "https://jakarta.example/opd"

[issuer.assurance]
"urn:jakarta:2fa" = "substantial"
"""
LEAST: dict[str, Any] = {"name": "a", "url": "https://a.example", "audience": "hub", "kinds": ["citizen"]}


def write_issuers(folder: Path, text: str, name: str = "issuers.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def get_refusal(folder: Path, *entries: dict[str, Any]) -> str:
    path = write_issuers(folder, json.dumps({"issuer": entries}), "issuers.json")
    with pytest.raises(ValueError, match="the file of issuers") as refused:
        load_issuers(path)
    return str(refused.value).removeprefix(f"the file of issuers '{path}': ")


def test_a_file_names_several_issuers(tmp_path: Path) -> None:
    citizens, officials = load_issuers(write_issuers(tmp_path, WHOLE))
    assert (citizens.name, citizens.url) == ("warga", "https://masuk.jakarta.example")
    assert (officials.algorithms, officials.types) == (("RS256", "ES256"), ("at+jwt", "jwt"))
    assert officials.kind_values == {"ASN": CallerKind.OFFICIAL, "INSPEKTUR": CallerKind.SUPERVISOR}
    assert officials.claims == ClaimNames(kind=("jenis",), agency=("https://jakarta.example/opd",))
    assert (citizens.audience, officials.audience) == (("https://simpul.jakarta.example",), ("simpul", "simpul-desk"))
    assert officials.assurance == {"urn:jakarta:2fa": Assurance.SUBSTANTIAL}
    assert officials.clients["siak"].agency == "dukcapil"


def test_an_entrys_defaults_are_strict() -> None:
    issuer = Issuer.model_validate(LEAST)
    assert (issuer.algorithms, issuer.types, issuer.longest_lifetime) == (("ES256",), ("at+jwt",), 86_400)
    assert (issuer.kind_of_people, issuer.agencies, issuer.clients) == (None, (), {})
    assert issuer.assurance == EIDAS_LEVELS
    assert issuer.keys is None


def test_the_file_may_be_json(tmp_path: Path) -> None:
    [issuer] = load_issuers(write_issuers(tmp_path, json.dumps({"issuer": [LEAST]}), "issuers.json"))
    assert issuer == Issuer.model_validate(LEAST)


def test_the_path_of_a_key_file_is_relative_to_the_file_of_issuers(tmp_path: Path) -> None:
    path = write_issuers(tmp_path, json.dumps({"issuer": [LEAST | {"keys": "keys/a.json"}]}), "issuers.json")
    assert load_issuers(path)[0].keys == tmp_path / "keys" / "a.json"


@pytest.mark.parametrize("algorithm", ["none", "HS256", "HS512", "EdDSA", "es256", "RSA1_5", "", "dir"])
def test_only_asymmetric_algorithms_are_accepted(algorithm: str, tmp_path: Path) -> None:
    assert get_refusal(tmp_path, LEAST, LEAST | {"algorithms": ["ES256", algorithm]}).startswith(
        "issuer 2, algorithms, 2: Input should be 'ES256', 'ES384', 'ES512', 'RS256'"
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://masuk.example",
        "masuk.example",
        "ftp://masuk.example",
        "https://",
        "https://masuk.example?x=1",
        "https://masuk.example#x",
        "https://user:password@masuk.example",
        "http://10.0.0.1",
        "http://localhost.example",
        "http://127.0.0.1.example",
        "https://masuk.example:port",
        "file:///etc/passwd",
    ],
)
def test_an_issuer_needs_https_or_an_address_on_this_machine(url: str, tmp_path: Path) -> None:
    assert not is_safe_address(url)
    assert get_refusal(tmp_path, LEAST | {"url": url}) == (
        "issuer 1: url: write it as 'https://...' (http on the loopback address alone), without '?' and '#'"
    )


@pytest.mark.parametrize(
    "url", ["https://a.example/x", "http://127.0.0.1:9/x", "http://[::1]:9", "http://localhost", "https://10.0.0.1"]
)
def test_https_and_loopback_addresses_are_safe(url: str) -> None:
    assert is_safe_address(url)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"adience": "x"}, "issuer 1, adience: Extra inputs are not permitted"),
        ({"audience": ""}, "issuer 1, audience, 1: String should have at least 1 character"),
        ({"audience": []}, "issuer 1, audience: Value should have at least 1 item after validation, not 0"),
        ({"audience": ["hub", 5]}, "issuer 1, audience, 2: Input should be a valid string"),
        ({"claims": {"nik": []}}, "issuer 1, claims, nik: a path to a claim has 1 to 6 steps, not 0"),
        ({"claims": {"nik": ["a"] * 7}}, "issuer 1, claims, nik: a path to a claim has 1 to 6 steps, not 7"),
        ({"claims": {"nik": ""}}, "issuer 1, claims, nik: each step is a name, or an index of a list (0 to 99)"),
        ({"claims": {"nik": ["a", -1]}}, "issuer 1, claims, nik: each step is a name, or an index of a list (0 to 99)"),
        (
            {"claims": {"nik": ["a", True]}},
            "issuer 1, claims, nik: each step is a name, or an index of a list (0 to 99)",
        ),
        ({"claims": {"nik": [0]}}, "issuer 1, claims, nik: the first step is a name"),
        (
            {"claims": {"nik": {"a": "b"}}},
            "issuer 1, claims, nik: it must be the name of a claim, or a list of steps to it",
        ),
        ({"kinds": []}, "issuer 1, kinds: Tuple should have at least 1 item after validation, not 0"),
        ({"name": "Warga Kota"}, "issuer 1, name: String should match pattern '^[a-z0-9][a-z0-9-]{0,29}$'"),
        ({"types": ["ID"]}, "issuer 1, types, 1: Input should be 'at+jwt' or 'jwt'"),
        ({"algorithms": []}, "issuer 1, algorithms: Tuple should have at least 1 item after validation, not 0"),
        ({"assurance": {"x": "highest"}}, "issuer 1, assurance, x: Input should be 0, 1, 2 or 3"),
        ({"longest_lifetime": 5}, "issuer 1, longest_lifetime: Input should be greater than or equal to 60"),
        (
            {"clients": {"a": {"kind": "citizen"}}},
            "issuer 1, clients, a: a client is a partner or an agency-system, not 'citizen'",
        ),
        (
            {"kind_values": {"ASN": "official"}},
            "issuer 1: kind_values: 'official' is not among the kinds of this issuer; add it to kinds",
        ),
        (
            {"must_be_bound": ["partner"]},
            "issuer 1: must_be_bound: 'partner' is not among the kinds of this issuer; add it to kinds",
        ),
        (
            {"clients": {"siak": {"kind": "agency-system"}}},
            "issuer 1, clients, siak: an agency-system needs an agency, a partner must have none",
        ),
    ],
)
def test_a_fault_is_reported_with_its_entry_and_setting(entry: dict[str, Any], message: str, tmp_path: Path) -> None:
    assert get_refusal(tmp_path, LEAST | entry) == message


def test_two_issuers_with_the_same_name_or_address_are_refused(tmp_path: Path) -> None:
    other = LEAST | {"url": "https://b.example"}
    assert get_refusal(tmp_path, LEAST, other) == "issuer: the name 'a' occurs 2 times; each issuer needs its own"
    assert get_refusal(tmp_path, LEAST, LEAST | {"name": "b"}) == (
        "issuer: the url 'https://a.example' occurs 2 times; each issuer needs its own"
    )


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("[[issuer]", "issuers.toml", "invalid TOML: Expected"),
        ("{", "issuers.json", "invalid JSON: Expecting"),
        ("", "issuers.toml", ": issuer: Field required"),
        ("issuer = []", "issuers.toml", ": issuer: there are 0 entries; write 1 to 50"),
        ("#" * (1024 * 1024 + 1), "issuers.toml", ": larger than 1048576 bytes"),
    ],
)
def test_an_invalid_file_of_issuers_is_refused(text: str, name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the file of issuers") as refused:
        load_issuers(write_issuers(tmp_path, text, name))
    assert message in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.toml' cannot be read: No such file or directory$"):
        load_issuers(tmp_path / "none.toml")
