"""A hub with its pages, whose people the city's OpenID provider signs in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from auth.caller import CallerKind
from auth.tokens.development_issuer import DevelopmentIssuer
from auth.tokens.issuers import load_issuers
from sandbox.issuer.clients import derive_client_secret
from settings import Settings
from tests.journeys.hub import RunningCity, build_settings
from tests.sandbox_agencies import HOST, RunningAgency, free_port

LOADED = "document.readyState === 'complete' && document.querySelector('h1') !== null"
"""Whether a browser has loaded a page, in JavaScript."""


def build_paged_settings(
    city: RunningCity,
    issuer: DevelopmentIssuer,
    openid_provider: RunningAgency,
    *,
    state_url: str,
    folder: Path,
    **more: Any,  # noqa: ANN401 - any setting
) -> Settings:
    """The settings of such a hub."""
    kinds = [kind.value for kind in CallerKind if kind is not CallerKind.ANONYMOUS]
    url = f"http://{HOST}:{openid_provider.port}"
    path = folder / "issuers.json"
    path.write_text(json.dumps({"issuer": [{"name": "city", "url": url, "audience": "simpul", "kinds": kinds}]}))
    return build_settings(
        city,
        state_url=state_url,
        issuer=issuer,
        folder=folder,
        issuers=load_issuers(path),
        listen=f"{HOST}:{free_port()}",
        sign_in_issuer="city",
        sign_in_client="simpul-pages",
        sign_in_secret=SecretStr(derive_client_secret("simpul-pages", openid_provider.secret)),
        **more,
    )
