"""The 2,000 callers of Q4, each with a real token (ES256)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from auth.caller import Caller, CallerKind
from benchmarks.comparison import dataset
from benchmarks.issuer import build_benchmark_issuer
from records.identifiers import Nik


@dataclass(frozen=True, slots=True)
class BenchmarkCaller:
    """A caller with a token. `repr` never shows the token."""

    number: int
    token: str

    def __repr__(self) -> str:
        """Only the number."""
        return f"<SignedIn {self.number}>"


def issue_tokens(folder: Path) -> tuple[Path, list[BenchmarkCaller]]:
    """Write the file of public keys for all targets, and build the callers with their tokens."""
    issuer = build_benchmark_issuer(folder / "issuer.json")
    keys = folder / "keys.json"
    issuer.write_public_keys(keys)
    known = json.loads(keys.read_text())
    for key in known["keys"]:
        key["alg"] = "ES256"  # Tailcall requires it
    keys.write_text(json.dumps(known))
    signed_in = []
    for number in range(1, dataset.CALLERS + 1):
        caller = Caller(kind=CallerKind.CITIZEN, first_party=True, nik=Nik(dataset.build_caller_id(number)))
        signed_in.append(BenchmarkCaller(number, issuer.sign_token(caller, subject=f"caller{number}")))
    return keys, signed_in
