"""Attacks on tokens: each ends with 401, without data, and without a call to an agency."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from hashlib import sha256, sha384, sha512
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from auth.tokens.issuer_keys import MIN_REFRESH_INTERVAL
from tests.fakes.issuers.loopback_issuer import KEYS, LoopbackIssuer, run_loopback_issuer
from tests.fakes.small_hub import ME, SmallHub, SmallHubAnswer, run_small_hub
from tests.fakes.small_records import BUDI, SITI

MALLORY = ECKey.generate_key("P-256", {"kid": "key-1"})
MALLORY_RSA = RSAKey.generate_key(2048, {"kid": "key-1"})
Forge = Callable[[LoopbackIssuer], str]


@pytest.fixture(scope="module")
async def issuer() -> AsyncIterator[LoopbackIssuer]:
    async with run_loopback_issuer() as running:
        yield running


@pytest.fixture(scope="module")
async def hub(issuer: LoopbackIssuer) -> AsyncIterator[SmallHub]:
    entry = issuer.entry(algorithms=("ES256", "RS256"), types=("at+jwt", "jwt"))
    async with run_small_hub([entry]) as running:
        yield running


def build_raw_token(header: object, claims: object, sign: Callable[[bytes], bytes] = lambda _: b"") -> str:
    """A token built by hand, because libraries refuse to build it."""
    parts = ".".join(_part(each if isinstance(each, bytes) else json.dumps(each).encode()) for each in (header, claims))
    return f"{parts}.{_part(sign(parts.encode()))}"


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def signed_by(key: Any, algorithm: str = "ES256") -> Callable[[bytes], bytes]:  # noqa: ANN401 - any key
    return lambda content: JWSRegistry.algorithms[algorithm].sign(content, key)


def assert_nothing_came_of_it(hub: SmallHub, answer: SmallHubAnswer) -> None:
    assert (answer.status, answer.codes) == (401, ["UNAUTHENTICATED"])
    assert "data" not in answer.body
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert hub.city.calls == []
    shown = json.dumps(answer.body)
    assert SITI not in shown
    assert BUDI not in shown


async def test_a_token_of_the_issuer_is_accepted_by_the_hub(hub: SmallHub, issuer: LoopbackIssuer) -> None:
    answer = await hub.ask(token=issuer.token())
    hub.city.calls.clear()
    assert answer.body == {"data": {"me": {"name": "Person 1"}}}


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "nOnE", "", " none", "none ", "null", None, [], 0, False]
)
@pytest.mark.parametrize("with_signature", [False, True])
async def test_a_token_without_a_signature_is_refused(
    hub: SmallHub,
    issuer: LoopbackIssuer,
    algorithm: object,
    with_signature: bool,  # noqa: FBT001 - a column of the table
) -> None:
    header = {"alg": algorithm, "typ": "at+jwt", "kid": "key-1"}
    sign = signed_by(MALLORY) if with_signature else lambda _: b""
    assert_nothing_came_of_it(hub, await hub.ask(token=build_raw_token(header, issuer.claims(), sign)))


@pytest.mark.parametrize("cut", ["", ".", "..", "...."])
async def test_a_token_with_its_signature_cut_off_is_refused(hub: SmallHub, issuer: LoopbackIssuer, cut: str) -> None:
    token = issuer.token().rpartition(".")[0] + cut
    assert_nothing_came_of_it(hub, await hub.ask(token=token))


@pytest.mark.parametrize(("algorithm", "digest"), [("HS256", sha256), ("HS384", sha384), ("HS512", sha512)])
@pytest.mark.parametrize("form", ["pem", "pem without its last line break", "der", "json", "x", "key set", "nothing"])
async def test_the_public_key_is_not_accepted_as_a_shared_secret(
    hub: SmallHub,
    issuer: LoopbackIssuer,
    algorithm: str,
    digest: Any,  # noqa: ANN401 - as hmac takes it
    form: str,
) -> None:
    key = ECKey.import_key(issuer.public_key)
    secret = {
        "pem": key.as_pem(private=False),
        "pem without its last line break": key.as_pem(private=False).rstrip(b"\n"),
        "der": key.as_der(private=False),
        "json": json.dumps(issuer.public_key).encode(),
        "x": str(issuer.public_key["x"]).encode(),
        "key set": json.dumps({"keys": [issuer.public_key]}).encode(),
        "nothing": b"",
    }[form]
    header = {"alg": algorithm, "typ": "at+jwt", "kid": "key-1"}
    token = build_raw_token(header, issuer.claims(), lambda content: hmac.digest(secret, content, digest))
    assert_nothing_came_of_it(hub, await hub.ask(token=token))


FORGERIES: dict[str, Forge] = {
    "a foreign key under the name of the issuer's": lambda issuer: build_raw_token(
        {"alg": "ES256", "typ": "at+jwt", "kid": "key-1"}, issuer.claims(), signed_by(MALLORY)
    ),
    "a foreign key without a name": lambda issuer: build_raw_token(
        {"alg": "ES256", "typ": "at+jwt"}, issuer.claims(), signed_by(MALLORY)
    ),
    "a foreign key of another type, by an algorithm that is allowed": lambda issuer: build_raw_token(
        {"alg": "RS256", "typ": "at+jwt", "kid": "key-1"}, issuer.claims(), signed_by(MALLORY_RSA, "RS256")
    ),
    "a signature of the right length of nothing but zeros": lambda issuer: build_raw_token(
        {"alg": "ES256", "typ": "at+jwt", "kid": "key-1"}, issuer.claims(), lambda _: bytes(64)
    ),
    "a signature in DER": lambda issuer: build_raw_token(
        {"alg": "ES256", "typ": "at+jwt", "kid": "key-1"},
        issuer.claims(),
        lambda _: b"\x30\x06\x02\x01\x01\x02\x01\x01",
    ),
    "the signature of another token": lambda issuer: ".".join(
        [*issuer.token(nik=str(BUDI)).split(".")[:2], issuer.token().split(".")[2]]
    ),
    "the header of another token": lambda issuer: ".".join(
        [issuer.token({"typ": "JWT"}).split(".")[0], *issuer.token().split(".")[1:]]
    ),
    "padding that no encoder writes": lambda issuer: issuer.token() + "=",
    "bits that no encoder writes": lambda issuer: _with_other_bits(issuer.token()),
    "line breaks inside": lambda issuer: issuer.token().replace(".", "%0d%0a.", 1),
    "an encrypted token": lambda _: "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..AAAA.AAAA.AAAA",
    "a token in a token": lambda issuer: build_raw_token(
        {"alg": "ES256", "typ": "at+jwt", "kid": "key-1", "cty": "JWT"}, issuer.token().encode(), signed_by(issuer.key)
    ),
    "of another issuer": lambda issuer: issuer.token(iss="https://evil.example"),
    "of an issuer that is called nearly so": lambda issuer: issuer.token(iss=f"{issuer.url}/"),
    "of two issuers": lambda issuer: issuer.token(iss=[issuer.url, "https://evil.example"]),
    "of no issuer": lambda issuer: issuer.token(iss=None),
    "for another audience": lambda issuer: issuer.token(aud="payments"),
    "for several other audiences": lambda issuer: issuer.token(aud=["payments", "simpul2"]),
    "for an audience that is no text": lambda issuer: issuer.token(aud=[["simpul"]]),
    "for no audience": lambda issuer: issuer.token(aud=None),
    "expired": lambda issuer: issuer.token(exp=int(time.time()) - 60),
    "without an end": lambda issuer: issuer.token(exp=None),
    "for ever": lambda issuer: issuer.token(exp=2**53),
    "with an end that is text": lambda issuer: issuer.token(exp="9999999999"),
    "not yet": lambda issuer: issuer.token(nbf=int(time.time()) + 120),
    "issued in a far future": lambda issuer: issuer.token(
        iat=int(time.time()) + 10**8, exp=int(time.time()) + 10**8 + 9
    ),
    "issued after its end": lambda issuer: issuer.token(iat=int(time.time()), exp=int(time.time()) - 1),
    "without a subject": lambda issuer: issuer.token(sub=None),
    "an ID token": lambda issuer: issuer.token({"typ": "JWT"}, aud="app", nonce="n"),
    "a logout token": lambda issuer: issuer.token({"typ": "logout+jwt"}),
    "bound to a key that it came without (DPoP)": lambda issuer: issuer.token(cnf={"jkt": "x" * 43}),
    "bound to a certificate that it came without": lambda issuer: issuer.token(cnf={"x5t#S256": "x" * 43}),
    "a chain of those who act": lambda issuer: issuer.token(act={"sub": "a", "nik": str(BUDI), "act": {"sub": "b"}}),
    "a kind that is a list": lambda issuer: issuer.token(kind=["official", "citizen"]),
    "an unknown kind": lambda issuer: issuer.token(kind="root"),
    "an official with a citizen's number": lambda issuer: issuer.token(kind="official", agency="dukcapil"),
    "a number that is an object": lambda issuer: issuer.token(nik={"$ne": None}),
    "a subject beyond all bounds": lambda issuer: issuer.token(sub="s" * 300),
    "claims deep inside each other": lambda issuer: issuer.token(more=json.loads("[" * 60 + "]" * 60)),
    "claims deeper than a reader's stack": lambda issuer: build_raw_token(
        {"alg": "ES256", "typ": "at+jwt", "kid": "key-1"}, b"[" * 2900 + b"]" * 2900, signed_by(issuer.key)
    ),
    "claims of one name twice": lambda issuer: build_raw_token(
        {"alg": "ES256", "typ": "at+jwt", "kid": "key-1"},
        json.dumps(issuer.claims())[:-1].encode() + b', "kind": "official"}',
        signed_by(issuer.key),
    ),
    "a header of one name twice": lambda issuer: build_raw_token(
        b'{"typ": "at+jwt", "kid": "key-1", "alg": "none", "alg": "ES256"}', issuer.claims(), signed_by(issuer.key)
    ),
    "oversized": lambda issuer: issuer.token(more="x" * 9000),
}


def _with_other_bits(token: str) -> str:
    """The same bytes in another spelling: in base64, the last letter of 64 bytes has four unused bits."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + letters[letters.index(token[-1]) ^ 1]


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_or_foreign_token_is_refused(hub: SmallHub, issuer: LoopbackIssuer, name: str) -> None:
    assert_nothing_came_of_it(hub, await hub.ask(token=FORGERIES[name](issuer)))


@pytest.mark.parametrize(
    "kid",
    [
        "../../../../dev/null",
        "/dev/null",
        "file:///dev/null",
        "key-1' OR '1'='1",
        "key-1'; DROP TABLE keys; --",
        "key-1\x00",
        "key-1\n",
        "KEY-1",
        "key-2",
        "http://127.0.0.1:9/keys",
        "$(id)",
        "{{7*7}}",
        "__proto__",
        "",
        " key-1",
        "k" * 201,
        "k" * 5000,
        None,
        1,
        ["key-1"],
        {"kid": "key-1"},
        True,
    ],
)
async def test_a_key_id_never_becomes_an_address_or_a_path(hub: SmallHub, issuer: LoopbackIssuer, kid: object) -> None:
    header = {"alg": "ES256", "typ": "at+jwt", "kid": kid}
    for key in (MALLORY, issuer.key):
        assert_nothing_came_of_it(hub, await hub.ask(token=build_raw_token(header, issuer.claims(), signed_by(key))))


@pytest.mark.parametrize(
    "name", ["jku", "jwk", "x5u", "x5c", "crit", "b64", "enc", "zip", "cty", "epk", "url", "nonce"]
)
async def test_header_parameters_about_keys_are_refused_even_from_the_issuer(
    hub: SmallHub, issuer: LoopbackIssuer, name: str
) -> None:
    value: object = {
        "jku": f"{issuer.url}/mallory",
        "jwk": MALLORY.as_dict(private=False),
        "x5u": f"{issuer.url}/mallory",
        "x5c": ["MIIB"],
        "crit": ["exp"],
        "b64": False,
    }.get(name, "x")
    header = {"alg": "ES256", "typ": "at+jwt", "kid": "key-1", name: value}
    for key in (MALLORY, issuer.key):
        assert_nothing_came_of_it(hub, await hub.ask(token=build_raw_token(header, issuer.claims(), signed_by(key))))
    assert issuer.request_counts["/mallory"] == 0


async def test_two_tokens_are_refused(hub: SmallHub, issuer: LoopbackIssuer) -> None:
    good, bad = f"Bearer {issuer.token()}", f"Bearer {build_raw_token({'alg': 'none'}, issuer.claims())}"
    for pair in ([good, bad], [bad, good], [good, good]):
        answer = await hub.ask(headers=[("Authorization", each) for each in pair])
        assert_nothing_came_of_it(hub, answer)
    for joined in (f"{good}, {bad}", f"{bad},{good}", f"{good} {bad}"):
        assert_nothing_came_of_it(hub, await hub.ask(headers={"Authorization": joined}))


@pytest.mark.parametrize("scheme", ["Basic", "DPoP", "Token", "MAC", "Bearer,"])
async def test_another_authorization_scheme_is_refused(hub: SmallHub, issuer: LoopbackIssuer, scheme: str) -> None:
    assert_nothing_came_of_it(hub, await hub.ask(headers={"Authorization": f"{scheme} {issuer.token()}"}))


async def test_a_token_is_read_only_from_its_header(hub: SmallHub, issuer: LoopbackIssuer) -> None:
    token = issuer.token()
    for headers in (
        {"Cookie": f"access_token={token}"},
        {"X-Authorization": f"Bearer {token}"},
        {"X-Forwarded-User": "siti"},
        {"X-Caller": "official"},
        {"Proxy-Authorization": f"Bearer {token}"},
    ):
        answer = await hub.ask(headers=headers)
        assert (answer.body.get("data"), answer.codes) == (None, ["FORBIDDEN"])
    assert hub.city.calls == []


async def test_a_refused_token_is_refused_again(hub: SmallHub, issuer: LoopbackIssuer) -> None:
    token = build_raw_token({"alg": "ES256", "typ": "at+jwt", "kid": "key-1"}, issuer.claims(), signed_by(MALLORY))
    for _ in range(3):
        assert_nothing_came_of_it(hub, await hub.ask(token=token))


async def test_a_cached_token_must_match_exactly(hub: SmallHub, issuer: LoopbackIssuer) -> None:
    token = issuer.token()
    assert (await hub.ask(token=token)).status == 200
    hub.city.calls.clear()
    for changed in (token[:-1], token + "A", token.swapcase(), token.replace(".", "..", 1)):
        assert_nothing_came_of_it(hub, await hub.ask(token=changed))


async def test_an_issuer_cannot_prove_a_kind_outside_its_entry(issuer: LoopbackIssuer) -> None:
    async with run_small_hub([issuer.entry(kinds=("partner",))]) as hub:
        for kind in ("citizen", "official", "auditor", "operator", "anonymous"):
            agency = "dukcapil" if kind == "official" else None
            nik = str(SITI) if kind == "citizen" else None
            assert_nothing_came_of_it(hub, await hub.ask(token=issuer.token(kind=kind, nik=nik, agency=agency)))
        partner = issuer.token(kind="partner", nik=None)
        answer = await hub.ask(ME, token=partner)
        assert (answer.body.get("data"), answer.codes, hub.city.calls) == (None, ["PERSISTED_QUERY_ID_REQUIRED"], [])


NESTED: dict[str, Any] = {
    "kinds": ("citizen", "official"),
    "claims": {"kind": ["realm_access", "roles"], "nik": ["person", "nik"], "agency": ["person", "agency"]},
    "kind_values": {"warga": "citizen", "pegawai": "official"},
}
CONFUSED: dict[str, dict[str, Any]] = {
    "a text for the object of roles": {"realm_access": "warga"},
    "a text for the list of roles, that holds the word": {"realm_access": {"roles": "warga pegawai"}},
    "an object for the list of roles": {"realm_access": {"roles": {"warga": True}}},
    "an object among the roles": {"realm_access": {"roles": ["warga", {"$gt": ""}]}},
    "a list among the roles": {"realm_access": {"roles": [["warga"]]}},
    "roles of two kinds": {"realm_access": {"roles": ["warga", "pegawai"]}},
    "a kind at the top, past the way that the entry names": {"realm_access": None, "kind": "citizen"},
    "the way written as one name": {"realm_access": None, "realm_access.roles": ["warga"]},
    "a number in a list": {"person": {"nik": [str(SITI)]}},
    "a number that is an object": {"person": {"nik": {"toString": str(SITI)}}},
    "a person in a list": {"person": [{"nik": str(SITI)}]},
    "a person that is the number": {"person": str(SITI)},
    "a number at the top, past the way that the entry names": {"person": {}, "nik": str(SITI)},
}


@pytest.mark.parametrize("name", CONFUSED)
async def test_nested_claims_cannot_be_confused(issuer: LoopbackIssuer, name: str) -> None:
    good: dict[str, Any] = {
        "kind": None,
        "nik": None,
        "realm_access": {"roles": ["offline_access", "warga"]},
        "person": {"nik": str(SITI)},
    }
    async with run_small_hub([issuer.entry(**NESTED)]) as hub:
        assert (await hub.ask(token=issuer.token(**good))).body == {"data": {"me": {"name": "Person 1"}}}
        hub.city.calls.clear()
        assert_nothing_came_of_it(hub, await hub.ask(token=issuer.token(**(good | CONFUSED[name]))))


@pytest.mark.parametrize(
    "aud", ["simpul-desk ", "simpul", "desk", ["payments"], "simpul-desk,payments", ["simpul-des"]]
)
async def test_a_hub_with_several_audiences_accepts_no_other(issuer: LoopbackIssuer, aud: object) -> None:
    async with run_small_hub([issuer.entry(audience=["simpul-desk", "simpul-app"])]) as hub:
        assert (await hub.ask(token=issuer.token(aud=["simpul-app", "x"]))).status == 200
        hub.city.calls.clear()
        assert_nothing_came_of_it(hub, await hub.ask(token=issuer.token(aud=aud)))


@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
@pytest.mark.parametrize("value", [10**400, -(10**400), 2**63, -1, True, "soon", [1], {"at": 1}], ids=repr)
async def test_a_time_that_is_none_is_refused_and_no_internal_error(
    hub: SmallHub, issuer: LoopbackIssuer, claim: str, value: object
) -> None:
    claims = issuer.claims() | {claim: value}
    token = build_raw_token({"alg": "ES256", "typ": "at+jwt", "kid": "key-1"}, claims, signed_by(issuer.key))
    for _ in range(2):  # the second time, the cached refusal answers
        assert_nothing_came_of_it(hub, await hub.ask(ME, token=token))


async def test_one_issuers_key_does_not_sign_in_anothers_name(issuer: LoopbackIssuer) -> None:
    async with run_loopback_issuer() as other, run_small_hub([issuer.entry(), other.entry(name="other")]) as hub:
        header = {"alg": "ES256", "typ": "at+jwt", "kid": "key-1"}
        crossed = jwt.encode(header, other.claims(), issuer.key)
        assert_nothing_came_of_it(hub, await hub.ask(token=crossed))
        assert (await hub.ask(token=other.token())).status == 200


async def test_invented_key_ids_cause_at_most_one_fetch_per_interval() -> None:
    async with run_loopback_issuer() as issuer, run_small_hub([issuer.entry()]) as hub:
        began = time.monotonic()
        for number in range(200):
            token = build_raw_token(
                {"alg": "ES256", "typ": "at+jwt", "kid": f"k{number}"}, issuer.claims(), signed_by(MALLORY)
            )
            assert_nothing_came_of_it(hub, await hub.ask(token=token))
        assert 1 <= issuer.request_counts[KEYS] <= 1 + (time.monotonic() - began) // MIN_REFRESH_INTERVAL + 1
        assert (await hub.ask(token=issuer.token())).body["data"] == {"me": {"name": "Person 1"}}
