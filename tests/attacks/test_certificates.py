"""Attacks on tokens that are bound to a client certificate (RFC 8705)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.loopback_issuer import LoopbackIssuer, loopback_issuer
from tests.small_hub import ME, SmallHub, small_hub

MINE, OTHER = "m" * 43, "o" * 43
HEADER = "X-Client-Thumbprint"


@pytest.fixture(scope="module")
async def issuer() -> AsyncIterator[LoopbackIssuer]:
    async with loopback_issuer() as running:
        yield running


@pytest.fixture(scope="module")
async def hub(issuer: LoopbackIssuer) -> AsyncIterator[SmallHub]:
    """Behind something that ends TLS on the same machine."""
    async with small_hub([issuer.entry(must_be_bound=("agency-system",))], certificate_header=HEADER) as running:
        yield running


def bound(issuer: LoopbackIssuer, to: str | None = MINE) -> str:
    return issuer.token(cnf=None if to is None else {"x5t#S256": to})


async def answered(hub: SmallHub, token: str, **headers: str) -> tuple[int, list[str]]:
    sent = {"Authorization": f"Bearer {token}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await hub.ask(ME, headers=sent)
    if answer.status != 200:
        assert "data" not in answer.body
        assert hub.city.asked == []
    hub.city.asked.clear()
    return answer.status, answer.codes


async def test_a_bound_token_comes_with_its_certificate(hub: SmallHub, issuer: LoopbackIssuer) -> None:
    token = bound(issuer)
    for _ in range(2):  # checked, then known
        assert await answered(hub, token, X_Client_Thumbprint=MINE) == (200, [])
        assert await answered(hub, token, X_Client_Thumbprint=OTHER) == (401, ["UNAUTHENTICATED"])
        assert await answered(hub, token) == (401, ["UNAUTHENTICATED"])


@pytest.mark.parametrize("value", ["", "none", MINE + "=", MINE[:-1], MINE.upper(), f"{MINE},{MINE}", "*", "true"])
async def test_what_resembles_a_certificate_is_none(hub: SmallHub, issuer: LoopbackIssuer, value: str) -> None:
    assert await answered(hub, bound(issuer), X_Client_Thumbprint=value) == (401, ["UNAUTHENTICATED"])


async def test_of_two_certificates_none_counts(hub: SmallHub, issuer: LoopbackIssuer) -> None:
    headers = [("Authorization", f"Bearer {bound(issuer)}"), (HEADER, MINE), (HEADER, OTHER)]
    answer = await hub.ask(headers=headers)
    assert (answer.status, answer.codes, hub.city.asked) == (401, ["UNAUTHENTICATED"], [])


async def test_a_header_that_no_setting_names_says_nothing(issuer: LoopbackIssuer) -> None:
    async with small_hub([issuer.entry()]) as open_hub:
        for name in ("X_Client_Thumbprint", "Client_Cert", "X_Forwarded_Client_Cert", "X_SSL_Client_Cert"):
            assert await answered(open_hub, bound(issuer), **{name: MINE}) == (401, ["UNAUTHENTICATED"])


async def test_an_unbound_token_needs_no_certificate(hub: SmallHub, issuer: LoopbackIssuer) -> None:
    token = bound(issuer, to=None)
    assert await answered(hub, token) == (200, [])
    assert await answered(hub, token, X_Client_Thumbprint=OTHER) == (200, [])


async def test_a_kind_that_must_be_bound_is_refused_unbound(hub: SmallHub, issuer: LoopbackIssuer) -> None:
    claims: dict[str, Any] = {
        "kind": "agency-system",
        "agency": "dukcapil",
        "nik": None,
        "sub": "siak",
        "client_id": "siak",
    }
    assert await answered(hub, issuer.token(**claims), X_Client_Thumbprint=MINE) == (401, ["UNAUTHENTICATED"])
    token = issuer.token(**claims, cnf={"x5t#S256": MINE})
    assert (await answered(hub, token, X_Client_Thumbprint=MINE))[0] == 200
