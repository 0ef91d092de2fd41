"""Attacks on tokens that are bound to a client certificate (RFC 8705)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.fakes.issuers.loopback_issuer import LoopbackIssuer, run_loopback_issuer
from tests.fakes.small_hub import ME, SmallHub, run_small_hub

MINE, OTHER = "m" * 43, "o" * 43
HEADER = "X-Client-Thumbprint"


@pytest.fixture(scope="module")
async def issuer() -> AsyncIterator[LoopbackIssuer]:
    async with run_loopback_issuer() as running:
        yield running


@pytest.fixture(scope="module")
async def hub(issuer: LoopbackIssuer) -> AsyncIterator[SmallHub]:
    """Behind a TLS-terminating proxy on the same machine."""
    async with run_small_hub([issuer.entry(must_be_bound=("agency-system",))], certificate_header=HEADER) as running:
        yield running


def bind_token(issuer: LoopbackIssuer, to: str | None = MINE) -> str:
    return issuer.token(cnf=None if to is None else {"x5t#S256": to})


async def is_answered(hub: SmallHub, token: str, **headers: str) -> tuple[int, list[str]]:
    sent = {"Authorization": f"Bearer {token}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await hub.ask(ME, headers=sent)
    if answer.status != 200:
        assert "data" not in answer.body
        assert hub.city.calls == []
    hub.city.calls.clear()
    return answer.status, answer.codes


async def test_a_bound_token_needs_its_certificate(hub: SmallHub, issuer: LoopbackIssuer) -> None:
    token = bind_token(issuer)
    for _ in range(2):  # verified, then cached
        assert await is_answered(hub, token, X_Client_Thumbprint=MINE) == (200, [])
        assert await is_answered(hub, token, X_Client_Thumbprint=OTHER) == (401, ["UNAUTHENTICATED"])
        assert await is_answered(hub, token) == (401, ["UNAUTHENTICATED"])


@pytest.mark.parametrize("value", ["", "none", MINE + "=", MINE[:-1], MINE.upper(), f"{MINE},{MINE}", "*", "true"])
async def test_a_malformed_thumbprint_is_no_certificate(hub: SmallHub, issuer: LoopbackIssuer, value: str) -> None:
    assert await is_answered(hub, bind_token(issuer), X_Client_Thumbprint=value) == (401, ["UNAUTHENTICATED"])


async def test_two_certificates_are_refused(hub: SmallHub, issuer: LoopbackIssuer) -> None:
    headers = [("Authorization", f"Bearer {bind_token(issuer)}"), (HEADER, MINE), (HEADER, OTHER)]
    answer = await hub.ask(headers=headers)
    assert (answer.status, answer.codes, hub.city.calls) == (401, ["UNAUTHENTICATED"], [])


async def test_a_certificate_in_another_header_than_the_setting_names_is_ignored(issuer: LoopbackIssuer) -> None:
    async with run_small_hub([issuer.entry()]) as open_hub:
        for name in ("X_Client_Thumbprint", "Client_Cert", "X_Forwarded_Client_Cert", "X_SSL_Client_Cert"):
            assert await is_answered(open_hub, bind_token(issuer), **{name: MINE}) == (401, ["UNAUTHENTICATED"])


async def test_an_unbound_token_needs_no_certificate(hub: SmallHub, issuer: LoopbackIssuer) -> None:
    token = bind_token(issuer, to=None)
    assert await is_answered(hub, token) == (200, [])
    assert await is_answered(hub, token, X_Client_Thumbprint=OTHER) == (200, [])


async def test_an_unbound_token_of_a_kind_that_must_be_bound_is_refused(hub: SmallHub, issuer: LoopbackIssuer) -> None:
    claims: dict[str, Any] = {
        "kind": "agency-system",
        "agency": "dukcapil",
        "nik": None,
        "sub": "siak",
        "client_id": "siak",
    }
    assert await is_answered(hub, issuer.token(**claims), X_Client_Thumbprint=MINE) == (401, ["UNAUTHENTICATED"])
    token = issuer.token(**claims, cnf={"x5t#S256": MINE})
    assert (await is_answered(hub, token, X_Client_Thumbprint=MINE))[0] == 200
