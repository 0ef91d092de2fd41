"""What is known of a token without a look at its signature."""

from __future__ import annotations

import pytest

from auth.caller import CallerKind
from auth.claimed import Claimed
from auth.known_tokens import KnownTokens
from auth.tokens import Unauthenticated
from records.clients import ClientId
from tests.auth.readers import city_reader, read
from tests.auth.test_tokens import CITIZEN, CLAIMS, FOREIGN, KEY, NOW, READER, signed, without

OF_ELSEWHERE = signed(CLAIMS | {"iss": "elsewhere"})


def test_what_a_token_claims_can_be_told_and_proves_nothing() -> None:
    forged = f"Bearer {signed(CLAIMS | {'client_id': 'siaga-112'}, key=FOREIGN)}"
    assert READER.claimed(forged) == Claimed(CallerKind.CITIZEN, ClientId("city", "siaga-112"))
    with pytest.raises(Unauthenticated):
        read(READER, forged)


@pytest.mark.parametrize(
    "authorization",
    ["Bearer nothing", "Basic YTpi", "", f"Bearer {OF_ELSEWHERE}", f"Bearer {signed(without('nik'))}"],
)
def test_what_makes_no_sense_claims_nothing(authorization: str) -> None:
    assert READER.claimed(authorization) is None


def test_who_was_proven_a_moment_ago_is_known() -> None:
    reader = city_reader([KEY.as_dict(private=False)], clock=lambda: NOW, known=KnownTokens(clock=lambda: NOW))
    authorization = f"Bearer {signed(CLAIMS)}"
    assert reader.lately(authorization) is None
    assert read(reader, authorization) == CITIZEN
    assert reader.lately(authorization) == CITIZEN
    assert reader.lately(authorization.replace("Bearer", "Basic")) is None
    assert READER.lately(authorization) is None  # which keeps none
