"""Compares hubs that answer repeated requests without a task to hubs whose endpoint serves all."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import pytest

from auth.tokens.development_issuer import DevelopmentIssuer
from cache.limits.rate_limiter import RateLimiter
from tests.web.graphql.repeated_hub import ClockedCache, RawResponse, Script, serve_repeated


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Settings with an issuer, without which no hub starts."""
    folder = tmp_path_factory.mktemp("issuer")
    DevelopmentIssuer(folder / "issuer.json").write_public_keys(folder / "keys.json")
    return {"issuer_keys": folder / "keys.json"}


@pytest.fixture
def compare(
    known: Mapping[str, Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Awaitable[list[RawResponse]]]:
    """Runs a script on both hubs; responses, counters and log lines have to be equal."""

    # No rate refills, however slow the machine is.
    monkeypatch.setattr("web.rate_limits.build.RateLimiter", partial(RateLimiter, clock=lambda: 1_000.0))

    async def run(script: Script, *, taskless: int, is_cached: bool = True, **options: Any) -> list[RawResponse]:  # noqa: ANN401 - any option
        found, answered, answered_without = [], list[RawResponse](), 0
        for is_reference in (False, True):
            cache = ClockedCache() if is_cached else None
            caplog.clear()
            with caplog.at_level(logging.INFO):
                async with serve_repeated(
                    is_reference=is_reference, answer_cache=cache, **(dict(known) | options)
                ) as hub:
                    responses = await script(hub, await hub.connect())
                    counts = await hub.count()
                    found.append(([each.comparable for each in responses], counts, list_log_lines(caplog)))
                    if not is_reference:
                        answered, answered_without = responses, hub.taskless
        assert found[0] == found[1]
        assert answered_without == taskless
        return answered

    return run


def list_log_lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """The lines of requests and incidents, without what differs each time."""
    lines = []
    for each in caplog.records:
        if each.name not in {"simpul.access", "simpul.incidents"}:
            continue
        text = each.getMessage().splitlines()[0]
        text = re.sub(r"[0-9.]+ ms", "0 ms", re.sub(r"\b[0-9a-f]{32}\b", "id", text))
        lines.append((each.name, re.sub(r"Incident [0-9A-Za-z-]+", "Incident N", text)))
    return lines
