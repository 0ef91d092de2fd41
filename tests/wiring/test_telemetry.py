"""Access to metrics and status, by the settings."""

from __future__ import annotations

import base64

import pytest
from pydantic import SecretStr, ValidationError

from auth.tokens.development_issuer import DevelopmentIssuer
from tests.fakes.small_hub import run_small_hub

TOKEN = base64.b64encode(b"t" * 32).decode()


async def statuses(**given: object) -> dict[str, int]:
    """What `/metrics` and `/status` answer without a token."""
    async with run_small_hub([], **given) as hub:
        found = {}
        for path in ("/metrics", "/status"):
            async with hub.http.get(path) as response:
                found[path] = response.status
        return found


@pytest.fixture
def known(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Settings with an issuer, without which no hub starts."""
    folder = tmp_path_factory.mktemp("issuer")
    keys = folder / "keys.json"
    DevelopmentIssuer(folder / "issuer.json").write_public_keys(keys)
    return {"issuer_keys": keys}


async def test_in_production_there_are_no_metrics_without_a_configured_token(
    known: dict[str, object],
) -> None:
    assert (await statuses(**known))["/metrics"] == 404
    assert (await statuses(**known, metrics_token=SecretStr(TOKEN)))["/metrics"] == 401


async def test_in_development_metrics_are_open_unless_a_token_is_set(
    known: dict[str, object],
) -> None:
    assert (await statuses(**known, development=True))["/metrics"] == 200
    assert (await statuses(**known, development=True, metrics_token=SecretStr(TOKEN)))["/metrics"] == 401


async def test_a_weak_metrics_token_is_refused_at_the_start(known: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="at least 32 bytes"):
        await statuses(**known, metrics_token=SecretStr("prometheus"))


async def test_a_hub_without_agencies_has_no_status_page(known: dict[str, object]) -> None:
    assert (await statuses(**known))["/status"] == 404
