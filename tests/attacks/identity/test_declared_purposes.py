"""Attacks on purpose and case: repeated headers, contradictions to the token, and malformed values."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence

import pytest

from tests.fakes.issuers.loopback_issuer import LoopbackIssuer, run_loopback_issuer
from tests.fakes.small_hub import SmallHub, run_small_hub
from tests.fakes.small_records import SITI

CITIZEN = f'{{ citizen(nik: "{SITI}") {{ name }} }}'


@pytest.fixture(scope="module")
async def issuer() -> AsyncIterator[LoopbackIssuer]:
    async with run_loopback_issuer() as running:
        yield running


@pytest.fixture(scope="module")
async def hub(issuer: LoopbackIssuer) -> AsyncIterator[SmallHub]:
    async with run_small_hub([issuer.entry()]) as running:
        yield running


@pytest.mark.parametrize(
    "headers",
    [
        [("X-Purpose", "curiosity")],
        [("X-Purpose", "tax-audit"), ("X-Purpose", "tax-audit")],
        [("X-Purpose", "tax-audit, curiosity")],
        [("X-Purpose", "")],
        [("X-Purpose", "p" * 65)],
        [("X-Purpose", "tax-audit'; DROP TABLE ledger; --")],
        [("X-Purpose", "<script>")],
        [("X-Purpose", "ta\u0445-audit".encode().decode("latin-1"))],
        [("X-Purpose", str(SITI))],
        [("X-Case", "B-2")],
        [("X-Case", "A-1"), ("X-Case", "A-1")],
        [("X-Case", "A-1\tB-2")],
        [("X-Case", str(SITI))],
    ],
)
async def test_a_malformed_purpose_or_case_ends_the_request(
    hub: SmallHub, issuer: LoopbackIssuer, headers: Sequence[tuple[str, str]]
) -> None:
    token = issuer.token(kind="official", agency="dukcapil", nik=None, purpose="tax-audit", case="A-1")
    answer = await hub.ask(CITIZEN, headers=[("Authorization", f"Bearer {token}"), *headers])
    assert (answer.status, answer.codes) == (400, ["BAD_REQUEST"])
    assert "data" not in answer.body
    assert hub.city.calls == []
    shown = json.dumps(answer.body)
    assert SITI not in shown
    assert "curiosity" not in shown


async def test_a_token_with_a_malformed_purpose_is_refused(hub: SmallHub, issuer: LoopbackIssuer) -> None:
    for purpose in ("", "a b", str(SITI), ["tax-audit"], {"a": 1}, 5):
        token = issuer.token(kind="official", agency="dukcapil", nik=None, purpose=purpose)
        answer = await hub.ask(CITIZEN, token=token)
        assert (answer.status, answer.codes, hub.city.calls) == (401, ["UNAUTHENTICATED"], [])


async def test_a_citizens_purpose_and_case_give_no_additional_rights(hub: SmallHub, issuer: LoopbackIssuer) -> None:
    token = issuer.token(sub="budi", nik="3171010101800002")
    headers = {"Authorization": f"Bearer {token}", "X-Purpose": "tax-audit", "X-Case": "A-1"}
    answer = await hub.ask(CITIZEN, headers=headers)
    assert (answer.body["data"], answer.codes) == ({"citizen": None}, ["FORBIDDEN"])
    assert hub.city.calls == [
        ("dukcapil", "households", ("3171010101800002",))
    ]  # their own card, which shows whether they are a guardian
