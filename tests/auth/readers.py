"""Readers of tokens whose issuers' keys are at hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time
from typing import Any

from auth.caller import Caller, CallerKind
from auth.development import development_entry
from auth.issuer_keys import IssuerKeys
from auth.issuers import Issuer
from auth.known_tokens import KnownTokens
from auth.tokens import TokenReader

CITY = "city"
"""The issuer of `city_reader`."""


def city_keys(public_keys: Sequence[Any], **entry: Any) -> IssuerKeys:  # noqa: ANN401 - any setting
    """The keys of an issuer called `city`, believed about every kind of caller unless the entry says less."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "keys.json"
        path.write_text(json.dumps({"keys": list(public_keys)}))
        given = {
            "name": CITY,
            "url": CITY,
            "audience": "simpul",
            "algorithms": ("ES256", "Ed25519"),
            "types": ("at+jwt", "jwt"),
            "kinds": tuple(CallerKind),
            "keys": path,
        }
        return IssuerKeys(Issuer.model_validate(given | entry))


def city_reader(
    public_keys: Sequence[Any],
    known: KnownTokens | None = None,
    clock: Callable[[], float] = time,
    **entry: Any,  # noqa: ANN401 - any setting
) -> TokenReader:
    """A reader that believes one issuer, by its public keys."""
    return TokenReader([city_keys(public_keys, **entry)], known=known, clock=clock)


def development_reader(public_keys: Path) -> TokenReader:
    """A reader that believes the development issuer alone."""
    return TokenReader([IssuerKeys(development_entry(public_keys))])


def read(reader: TokenReader, authorization: str | None, certificate: str | None = None) -> Caller:
    """The caller that the header proves, where no issuer has to be asked."""
    caller = reader.caller(authorization, certificate)
    assert isinstance(caller, Caller)
    return caller
