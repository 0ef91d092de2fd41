"""Checks of identities: the domain protocol and its batches.

UU 24/2013, articles 79 and 83: a party that is not an authority may verify population data, but not read it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, Protocol

from engine.batch import batch, forward, load_answers
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.calls.freshness import BatchCaching
from records.hub.consenting import Match
from records.identity_checks import IdentityCheck, IdentityClaims, IdentityMatches, IdentityQuery
from resolvers.batch_context import HubBatchContext
from resolvers.caching import get_person_tags
from resolvers.hub.consents import Consents
from resolvers.verification import TooManyAttempts

CHECKED: Final = BatchCaching(
    tags=lambda claims: get_person_tags(claims.nik), is_lasting=lambda matches: matches.is_positive
)
"""Positive answers, also for callers that state a purpose: each check costs a share of the daily quota."""


class IdentityChecks(Protocol):
    """The domain of identity checks. A manifest binds an agency to it."""

    async def match_identities(
        self, claims: Sequence[IdentityClaims], call: Call
    ) -> Answers[IdentityClaims, IdentityMatches]:
        """Which claims match. Claims about a number of no living person have no answer."""


match_identities = forward(IdentityChecks, IdentityChecks.match_identities, max_batch_size=1, caching=CHECKED)
"""The agency takes one person per call; its connector bounds the fan-out."""


@batch(domain=IdentityChecks, read="match_identities", reads=(match_identities,))
async def identity_checks(
    queries: Sequence[IdentityQuery], context: HubBatchContext
) -> Answers[IdentityQuery, IdentityCheck]:
    """Checks of claims. A partner's attempts are counted first, so guessing about one person is bounded."""
    tries = Counter(each.consent for each in queries if each.consent is not None)
    within = await context.agencies[Consents].count_attempts(tries, context.call) if tries else ()
    asked = [each for each in queries if each.consent is None or each.consent in within]
    answers: dict[IdentityQuery, IdentityCheck | Exception] = {each: TooManyAttempts() for each in queries}
    if asked:
        claims = list(dict.fromkeys(each.claims for each in asked))
        found = await load_answers(match_identities, claims, context, context.recorder)
        answers |= {each: _build_check(each.claims, found.get(each.claims)) for each in asked}
    return answers  # type: ignore[return-value]  # a refusal replaces the answer of its key


def _build_check(
    claims: IdentityClaims, matches: IdentityMatches | AgencyFailure | None
) -> IdentityCheck | AgencyFailure:
    if isinstance(matches, AgencyFailure):
        return matches
    given = ("name", "birth_date", "birth_place", "mother_name")
    found = {
        name: None if getattr(claims, name) is None else getattr(matches, name, None) or Match.UNKNOWN for name in given
    }
    return IdentityCheck(subject=claims.nik, nik=Match.MATCH if matches else Match.NO_MATCH, **found)
