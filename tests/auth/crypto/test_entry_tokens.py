"""Overseers see tokens in place of pseudonyms: they recognize a person within a case, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auth.caller import Caller, CallerKind
from auth.crypto.entry_tokens import EntryTokens, UnknownToken, build_viewer_key
from tests.fakes.clients import build_client

TOKENS = EntryTokens(b"a secret of thirty-two bytes....")
SITI, RINA = b"S" * 32, b"R" * 32
RATNA = Caller(kind=CallerKind.AUDITOR, subject="city ratna", case="AUDIT/1")
VIEWER = build_viewer_key(RATNA)


def test_a_token_opens_to_its_pseudonym_and_does_not_reveal_it() -> None:
    token = TOKENS.seal(SITI, VIEWER)
    assert TOKENS.open(token, VIEWER) == SITI
    assert len(token) == 64
    assert SITI.hex() not in token
    assert repr(TOKENS) == "<EntryTokens>"


def test_the_same_person_has_the_same_token_and_another_person_another() -> None:
    assert TOKENS.seal(SITI, VIEWER) == TOKENS.seal(SITI, VIEWER) != TOKENS.seal(RINA, VIEWER)


@pytest.mark.parametrize(
    "other",
    [
        replace(RATNA, case="AUDIT/2"),
        replace(RATNA, case=None),
        replace(RATNA, subject="city wulan"),
        replace(RATNA, client=build_client("console")),
        Caller(kind=CallerKind.PROTECTION_OFFICER, subject="city ratna", case="AUDIT/1"),
        Caller(kind=CallerKind.SUPERVISOR, agency="pbb", subject="city ratna", case="AUDIT/1"),
    ],
    ids=["another case", "no case", "another auditor", "another application", "another kind", "another agency"],
)
def test_a_token_does_not_open_for_another_overseer_or_another_case(other: Caller) -> None:
    token = TOKENS.seal(SITI, VIEWER)
    assert TOKENS.seal(SITI, build_viewer_key(other)) != token
    with pytest.raises(UnknownToken):
        TOKENS.open(token, build_viewer_key(other))


@pytest.mark.parametrize("token", ["", "x", "x" * 64, "=" * 64, "é" * 64, "A" * 65])
def test_a_malformed_token_does_not_open(token: str) -> None:
    with pytest.raises(UnknownToken):
        TOKENS.open(token, VIEWER)


def test_another_secret_does_not_open_a_token() -> None:
    with pytest.raises(UnknownToken):
        EntryTokens(b"another secret of 32 bytes......").open(TOKENS.seal(SITI, VIEWER), VIEWER)
