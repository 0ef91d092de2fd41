"""Identity checks: who may check a person, what the agency is asked, what is recorded, and what bounds guessing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pytest

from auth.caller import Caller, CallerKind
from auth.crypto.key_ring import ANSWER_INFO, KeyRing
from cache.answers.cache_keys import CacheKeyBuilder
from cache.answers.read_through import ReadThroughCache
from engine.batch import load_answers
from records.calls.answers import Answers
from records.calls.call import Call
from records.hub.consenting import Match
from records.hub.data_preferences import DataPreferences
from records.identifiers import Nik
from records.identity_checks import IdentityClaims, IdentityMatches
from records.purposes import Purpose, Scope
from resolvers.batch_context import HubBatchContext
from resolvers.cached_batches import CachedBatchReader
from resolvers.identity_checks import match_identities
from tests.fakes.clients import build_client
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import BUDI, CALL, CALLERS, CONSENT, SITI, consent
from tests.schema.requests import get_codes, get_reasons, run

SECRET = b"a secret of thirty-two bytes...."
NOTHING = IdentityMatches(name=None, birth_date=None, birth_place=None, mother_name=None)
BANK = Caller(
    kind=CallerKind.PARTNER,
    client=build_client("bank"),
    scopes=frozenset(each.value for each in Scope),
    purpose=Purpose.CREDIT_ASSESSMENT.name,
    case="KPR/1",
)
OF_SITI = f'verifyIdentity(nik: "{SITI}", name: " siti  Rahmawati ", birthDate: "1990-06-05")'


@dataclass
class VerifiedTown(SmallCity):
    """The city with a service that knows Siti's name, and nobody but her."""

    asked: list[IdentityClaims] = field(default_factory=list)

    async def match_identities(
        self, claims: Sequence[IdentityClaims], _call: Call
    ) -> Answers[IdentityClaims, IdentityMatches]:
        self.asked += claims
        known = {each: self._compare(each) for each in claims if each.nik == SITI}
        return self._answers("dukcapil-verify", "match_identities", claims, known)

    def _compare(self, claims: IdentityClaims) -> IdentityMatches:
        if claims.name is None:
            return NOTHING
        return replace(NOTHING, name=Match.MATCH if claims.name == "SITI RAHMAWATI" else Match.NO_MATCH)


async def test_an_official_learns_whether_claims_match_and_the_check_is_recorded() -> None:
    city = VerifiedTown()
    response = await run(f"{{ {OF_SITI} {{ nik name birthDate birthPlace }} }}", city=city)
    assert response.data == {
        "verifyIdentity": {"nik": "MATCH", "name": "MATCH", "birthDate": "UNKNOWN", "birthPlace": None}
    }
    assert city.asked == [IdentityClaims(nik=SITI, name="SITI RAHMAWATI", birth_date=date(1990, 6, 5))]
    [read] = response.reads
    assert (read.subject, read.agencies) == (SITI, ("dukcapil-verify",))
    assert "Query.verifyIdentity" in read.fields


async def test_a_check_of_an_unknown_number_is_recorded_too() -> None:
    response = await run(f'{{ verifyIdentity(nik: "{BUDI}", name: "Budi") {{ nik name }} }}', city=VerifiedTown())
    assert response.data == {"verifyIdentity": {"nik": "NO_MATCH", "name": "UNKNOWN"}}
    assert [each.subject for each in response.reads] == [BUDI]


@pytest.mark.parametrize("caller", ["the person", "another citizen", "anonymous", "a partner"])
async def test_nobody_else_checks_a_number_and_the_service_is_not_asked(caller: str) -> None:
    city = VerifiedTown()
    response = await run(f"{{ {OF_SITI} {{ name }} }}", caller=BANK if caller == "a partner" else caller, city=city)
    assert (response.data, [each for _, each in get_codes(response)]) == (None, ["FORBIDDEN"])
    assert city.asked == []


@pytest.mark.parametrize("claims", ["", ', name: "  "', f', name: "{"a" * 201}"'])
async def test_a_check_without_a_usable_claim_is_refused(claims: str) -> None:
    city = VerifiedTown()
    response = await run(f'{{ verifyIdentity(nik: "{SITI}"{claims}) {{ name }} }}', city=city)
    assert [each for _, each in get_codes(response)] == ["BAD_USER_INPUT"]
    assert city.asked == []


IN_CONSENT = f'{{ consented(consent: "{CONSENT}") {{ verifyIdentity(name: "Siti Rahmawati") {{ nik name }} }} }}'


def with_consent(**changes: Any) -> VerifiedTown:  # noqa: ANN401 - fields of a consent
    return VerifiedTown(preferences={SITI: DataPreferences(consents=(consent(**changes),))})


async def test_a_partner_checks_the_person_of_a_consent_and_each_attempt_counts() -> None:
    city = with_consent()
    response = await run(IN_CONSENT, caller=BANK, city=city)
    assert response.data == {"consented": {"verifyIdentity": {"nik": "MATCH", "name": "MATCH"}}}
    assert (city.tries_left, [each.subject for each in response.reads]) == (9, [SITI])


async def test_a_partner_without_attempts_is_refused_before_the_service_is_asked() -> None:
    city = with_consent()
    city.tries_left = 0
    response = await run(IN_CONSENT, caller=BANK, city=city)
    assert get_codes(response) == [("consented.verifyIdentity", "VERIFICATION_LIMIT")]
    assert city.asked == []


@pytest.mark.parametrize(
    "changes", [{"scopes": ()}, {"purpose": Purpose.PAYMENT}, {"client": build_client("another")}], ids=str
)
async def test_a_consent_that_does_not_cover_it_is_refused(changes: dict[str, Any]) -> None:
    city = with_consent(**changes)
    response = await run(IN_CONSENT, caller=BANK, city=city)
    assert {reason for _, reason in get_reasons(response)} == {"CONSENT_REQUIRED"}
    assert city.asked == []


@pytest.mark.parametrize(("name", "calls"), [("SITI RAHMAWATI", 1), ("SITI", 2), (None, 1)])
async def test_only_answers_without_a_difference_are_used_again_by_officials_too(name: str | None, calls: int) -> None:
    city = VerifiedTown()
    cache = ReadThroughCache(
        max_bytes=1 << 20, key_builder=CacheKeyBuilder(SECRET), sealer=KeyRing([SECRET], ANSWER_INFO)
    )
    reader = CachedBatchReader(cache, timeout=1.0)
    context = HubBatchContext(caller=CALLERS["an official"], call=CALL, agencies=city.agencies(), batch_cache=reader)
    for _ in range(2):
        await load_answers(match_identities, [IdentityClaims(nik=SITI, name=name)], context)
    assert len(city.asked) == calls
    assert await reader.invalidate_people([SITI])
    await load_answers(match_identities, [IdentityClaims(nik=SITI, name=name)], context)
    assert len(city.asked) == calls + 1


async def test_a_number_of_nobody_is_asked_each_time() -> None:
    city = VerifiedTown()
    for _ in range(2):
        await run(f'{{ verifyIdentity(nik: "{Nik(BUDI)}", name: "X") {{ nik }} }}', city=city)
    assert len(city.asked) == 2
