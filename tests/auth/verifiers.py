"""Builds token verifiers with local keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time
from typing import Any

from auth.caller import Caller, CallerKind
from auth.tokens.development_issuer import build_development_issuer
from auth.tokens.issuer_keys import IssuerKeys
from auth.tokens.issuers import Issuer
from auth.tokens.token_verifier import TokenVerifier
from auth.tokens.verified_token_cache import VerifiedTokenCache

CITY_ISSUER = "city"
"""The issuer of `build_city_verifier`."""


def build_city_keys(public_keys: Sequence[Any], **entry: Any) -> IssuerKeys:  # noqa: ANN401 - any setting
    """The keys of the issuer `city`, which may issue tokens for every kind of caller unless the entry limits it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "keys.json"
        path.write_text(json.dumps({"keys": list(public_keys)}))
        defaults = {
            "name": CITY_ISSUER,
            "url": CITY_ISSUER,
            "audience": "simpul",
            "algorithms": ("ES256", "Ed25519"),
            "types": ("at+jwt", "jwt"),
            "kinds": tuple(CallerKind),
            "keys": path,
            "first_party": ("app",),
        }
        return IssuerKeys(Issuer.model_validate(defaults | entry))


def build_city_verifier(
    public_keys: Sequence[Any],
    cache: VerifiedTokenCache | None = None,
    clock: Callable[[], float] = time,
    **entry: Any,  # noqa: ANN401 - any setting
) -> TokenVerifier:
    """A verifier for the issuer `city`, by its public keys."""
    return TokenVerifier([build_city_keys(public_keys, **entry)], cache=cache, clock=clock)


def build_development_verifier(public_keys: Path) -> TokenVerifier:
    """A verifier for the development issuer."""
    return TokenVerifier([IssuerKeys(build_development_issuer(public_keys))])


def verify(reader: TokenVerifier, authorization: str | None, certificate: str | None = None) -> Caller:
    """The caller of the token in the header, if no keys must be fetched."""
    caller = reader.verify(authorization, certificate)
    assert isinstance(caller, Caller)
    return caller
