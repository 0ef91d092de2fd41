"""The issuer of the benchmarks' tokens; a hub with production settings refuses the development issuer."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from auth.caller import CallerKind
from auth.tokens.development_issuer import DevelopmentIssuer, build_development_issuer
from auth.tokens.issuers import Issuer

URL: Final = "https://issuer.benchmarks.example"
"""`iss` of the tokens. Every peer checks it, those in `npm/` too."""


def build_benchmark_issuer(private_key: Path) -> DevelopmentIssuer:
    """Signs tokens of citizens with the key of this file."""
    return DevelopmentIssuer(private_key, url=URL)


def build_benchmark_entry(public_keys: Path) -> Issuer:
    """The issuer's entry in the hub's settings: citizens only."""
    return build_development_issuer(public_keys).model_copy(update={"url": URL, "kinds": (CallerKind.CITIZEN,)})
