"""Key sets: usable keys, ignored keys, and sets that are refused."""

import json
from collections.abc import Collection
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from auth.tokens.key_sets import MAX_KEY_SET_BYTES, MAX_KEYS, KeySetRefused, PublicKeys, parse_key_set

EC = ECKey.generate_key("P-256", {"kid": "ec"})
EC_384 = ECKey.generate_key("P-384", {"kid": "ec-384"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})
ALL = ("ES256", "ES384", "RS256", "PS256", "Ed25519")


def export_public(key: Any, **more: object) -> dict[str, Any]:  # noqa: ANN401 - any key
    return {**key.as_dict(private=False), **more}


def omit(entry: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in names}


def parse(*entries: object, algorithms: Collection[str] = ALL) -> PublicKeys:
    return parse_key_set(json.dumps({"keys": entries}).encode(), algorithms)


def get_refusal(text: bytes) -> str:
    with pytest.raises(KeySetRefused) as refused:
        parse_key_set(text, ALL)
    return str(refused.value)


def test_keys_are_found_by_their_ids() -> None:
    keys = parse(export_public(EC), export_public(RSA), export_public(ED))
    assert len(keys) == 3
    found = keys.find("rsa")
    assert found is not None
    assert found.find_check("RS256") is not None
    assert found.find_check("ES256") is None
    assert keys.find("other") is None
    assert keys.find(None) is None
    assert repr(keys) == "<PublicKeys 3>"


def test_a_token_need_not_name_the_only_key_of_a_set() -> None:
    assert parse(export_public(EC)).find(None) is not None
    assert parse(omit(export_public(EC), "kid")).find(None) is not None
    assert parse(omit(export_public(EC), "kid")).find("ec") is None


@pytest.mark.parametrize(
    "entry",
    [
        export_public(RSA, use="enc"),
        export_public(RSA, use=None),
        export_public(RSA, key_ops=["encrypt"]),
        export_public(RSA, key_ops="verify"),
        export_public(RSA, alg="RS384"),
        export_public(RSA, kid=5),
        export_public(RSA, kid=""),
        export_public(RSA, kid="x" * 201),
        export_public(RSA, kty="AKP"),
        export_public(RSA, kty=None),
        export_public(RSA, n="!"),
        export_public(RSA, n="_" * 171),
        export_public(RSA, n="A" * 171 + "_" * 171),
        export_public(RSA, n="_" * 2000),
        export_public(RSA, n=["x"] * 342),
        export_public(ECKey.generate_key("P-521")),
        export_public(OKPKey.generate_key("X25519")),
        omit(export_public(EC, kid="bare"), "x"),
        export_public(EC, x="AAAA"),
        {},
    ],
)
def test_an_unusable_key_is_ignored(entry: dict[str, Any]) -> None:
    assert len(parse(entry, export_public(ED))) == 1
    assert get_refusal(json.dumps({"keys": [entry]}).encode()) == (
        "no key that verifies signatures of an allowed algorithm"
    )


def test_the_certificates_of_a_key_are_ignored() -> None:
    assert len(parse(export_public(RSA, x5c=5, x5u="http://127.0.0.1:1/", x5t=[], **{"x5t#S256": {}}))) == 1


@pytest.mark.parametrize(
    "entry",
    [
        OctKey.generate_key(256).as_dict(),
        {"kty": "oct", "k": ""},
        {"kty": "oct"},
        EC.as_dict(private=True),
        RSA.as_dict(private=True),
        ED.as_dict(private=True),
        export_public(RSA, d=None),
        export_public(RSA, use="enc", d="AQ"),
        export_public(RSA, k="AQ"),
    ],
)
def test_a_set_with_a_private_or_symmetric_key_is_refused(entry: dict[str, Any]) -> None:
    assert get_refusal(json.dumps({"keys": [export_public(ED), entry]}).encode()) == (
        "it holds a private or symmetric key, which is no longer secret"
    )


def test_two_keys_with_the_same_id_are_refused() -> None:
    message = "two keys have the same kid, or none"
    assert get_refusal(json.dumps({"keys": [export_public(EC), export_public(RSA, kid="ec")]}).encode()) == message
    assert (
        get_refusal(json.dumps({"keys": [omit(export_public(each), "kid") for each in (EC, RSA)]}).encode()) == message
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "not JSON, or a duplicate name"),
        (b"<html>", "not JSON, or a duplicate name"),
        (b"\xff", "not JSON, or a duplicate name"),
        (b'{"keys": [], "keys": []}', "not JSON, or a duplicate name"),
        (b'{"keys": NaN}', "not JSON, or a duplicate name"),
        (b"[]", "not an object"),
        (b"null", "not an object"),
        (b"{}", "no list of keys"),
        (b'{"keys": {}}', "no list of keys"),
        (b'{"keys": [5]}', "no list of keys"),
        (b'{"keys": []}', "no key that verifies signatures of an allowed algorithm"),
        (b'{"keys": ' + b"[" * 900 + b"]" * 900 + b"}", "objects or lists nested too deeply"),
        (b'{"keys": ' + b"[" * 50_000, "too many objects or lists"),
        (b" " * (MAX_KEY_SET_BYTES + 1), f"larger than {MAX_KEY_SET_BYTES} bytes"),
        (b'{"keys": [' + b"{}," * MAX_KEYS + b"{}]}", f"more than {MAX_KEYS} keys"),
    ],
)
def test_an_invalid_key_set_is_refused(text: bytes, message: str) -> None:
    assert get_refusal(text) == message


@pytest.mark.parametrize(
    ("key", "algorithms"),
    [(EC, {"ES256"}), (EC_384, {"ES384"}), (RSA, {"RS256", "PS256"}), (ED, {"Ed25519"})],
)
def test_a_key_verifies_the_algorithms_of_its_type_and_curve(key: Any, algorithms: set[str]) -> None:  # noqa: ANN401 - any key
    mine = parse(export_public(key)).find(None)
    assert mine is not None
    assert {each for each in (*ALL, "HS256", "none", "EdDSA", "") if mine.find_check(each)} == algorithms


def test_a_key_with_an_algorithm_verifies_no_other_one() -> None:
    mine = parse(export_public(RSA, alg="PS256")).find(None)
    assert mine is not None
    assert mine.find_check("PS256") is not None
    assert mine.find_check("RS256") is None
