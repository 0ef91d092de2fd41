"""Keys of rate counters are keyed digests."""

from __future__ import annotations

from auth.caller import Caller, CallerKind
from auth.crypto.pseudonyms import Pseudonyms
from auth.crypto.rate_keys import RateKeys
from records.identifiers import Nik

NIK = Nik("3171014506900001")
SECRET = b"s" * 32


def test_the_same_parts_have_the_same_key_and_other_parts_another() -> None:
    keys = RateKeys(SECRET)
    assert keys("citizen", NIK) == keys("citizen", NIK)
    assert (
        len({keys("citizen", NIK), keys("citizen", "points", NIK), keys("official", NIK), keys(f"citizen{NIK}")}) == 4
    )


def test_a_key_reveals_nothing_and_depends_on_the_secret() -> None:
    assert RateKeys(SECRET)(NIK) != RateKeys(b"t" * 32)(NIK)
    assert NIK not in RateKeys(SECRET)(NIK)
    assert repr(RateKeys(SECRET)) == "<RateKeys>"


def test_a_key_differs_from_the_pseudonym_in_the_ledger() -> None:
    pseudonyms = Pseudonyms(SECRET)
    pseudonym = pseudonyms.pseudonymize_caller(Caller(kind=CallerKind.CITIZEN, first_party=True, nik=NIK))
    assert pseudonym is not None
    assert not pseudonym.hex().startswith(RateKeys(SECRET)(NIK))
