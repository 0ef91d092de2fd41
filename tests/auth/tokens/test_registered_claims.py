"""Registered claims are judged as joserfc judges them, with the same reasons."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.errors import JoseError

from auth.caller import CallerKind
from auth.tokens.authentication_errors import Unauthenticated, build_refusal
from auth.tokens.issuers import Issuer
from auth.tokens.registered_claims import LEEWAY, check_registered_claims

NOW = 1_800_000_000
ISSUERS = tuple(
    Issuer.model_validate({"name": "city", "url": "https://city", "audience": audience, "kinds": (CallerKind.CITIZEN,)})
    for audience in ("simpul", ("simpul", "desk"))
)
_SOUND: dict[str, Any] = {"iss": "https://city", "aud": "simpul", "sub": "siti", "exp": NOW + 600, "iat": NOW - 5}
_TIMES = st.one_of(
    st.integers(NOW - LEEWAY - 2, NOW + LEEWAY + 2),
    st.floats(NOW - LEEWAY - 2, NOW + LEEWAY + 2),
    st.sampled_from([10**400, -(10**400), 0, -1, 1e308, float("inf"), float("-inf"), float("nan"), True, False]),
)
_TEXTS = st.sampled_from(["", " ", "simpul", "desk", "Simpul", "siti", "https://city", "https://city/", str(NOW + 600)])
_VALUES = st.one_of(
    st.none(),
    _TIMES,
    _TEXTS,
    st.lists(st.one_of(_TEXTS, st.none(), st.integers(0, 1)), max_size=3),
    st.sampled_from([{}, {"simpul": 1}, [[]], [["simpul"]], [{}]]),
)
_CLAIMS = st.dictionaries(
    st.sampled_from(["iss", "aud", "sub", "exp", "nbf", "iat", "jti", "kind", "now", "value"]), _VALUES, max_size=7
)

_ODD: tuple[object, ...] = (
    *(None, "", " ", "desk", [], [""], ["x"], ["desk"], ["simpul", 1], {}),
    *(0, 5, True, NOW, -(10**400), 10**400, float("inf"), float("nan")),
)


def judge_by_library(claims: dict[str, Any], issuer: Issuer) -> str | None:
    registry = jwt.JWTClaimsRegistry(
        now=NOW,
        leeway=LEEWAY,
        iss={"essential": True, "value": issuer.url},
        aud={"essential": True, "values": list(issuer.audience)},
        exp={"essential": True},
        sub={"essential": True},
    )
    try:
        registry.validate(claims)
    except JoseError as error:
        return str(build_refusal(error.error))
    return None


def judge(claims: dict[str, Any], issuer: Issuer) -> str | None:
    try:
        check_registered_claims(claims, issuer, NOW)
    except Unauthenticated as refusal:
        return str(refusal)
    return None


@settings(derandomize=True, max_examples=1000)
@given(st.sampled_from(ISSUERS), _CLAIMS, st.lists(st.sampled_from(sorted(_SOUND)), max_size=5), st.booleans())
@example(ISSUERS[0], {"exp": NOW, "sub": 5}, list(_SOUND), True)  # noqa: FBT003 - an example
def test_claims_are_judged_as_by_the_library(
    issuer: Issuer,
    changes: dict[str, Any],
    kept: list[str],
    first: bool,  # noqa: FBT001 - drawn
) -> None:
    """Changes come before or after the sound claims, because the first wrong claim is the reason."""
    sound = {name: value for name, value in _SOUND.items() if name in kept or name not in changes}
    claims = {**changes, **sound} if first else {**sound, **changes}
    assert judge(claims, issuer) == judge_by_library(claims, issuer)


@pytest.mark.parametrize("issuer", ISSUERS)
@pytest.mark.parametrize("name", _SOUND)
def test_each_claim_alone_is_judged_as_by_the_library(issuer: Issuer, name: str) -> None:
    for value in _ODD:
        for changes in ({name: value}, {"jti": value}, {"nbf": value}, {name: value, "nbf": NOW + 300}):
            claims = _SOUND | changes
            assert judge(claims, issuer) == judge_by_library(claims, issuer)
    without = {each: value for each, value in _SOUND.items() if each != name}
    assert judge(without, issuer) == judge_by_library(without, issuer)
    assert judge(_SOUND, issuer) is None
