"""Compares a partner's data about a person with the population register, and returns only whether it matches.

UU 24/2013, articles 79 and 83: a party that is not an authority may verify population data, but not read it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

from engine.batch import NEVER_ABSENT, batch
from engine.errors import SafeError
from records.calls.answers import Answers
from records.calls.failures import AgencyFailure
from records.hub.consenting import Match, Verification, VerificationQuery
from records.identifiers import Nik
from records.population import Identity, Parentage, PersonFacet
from resolvers.batch_context import HubBatchContext
from resolvers.hub.consents import Consents
from resolvers.population import Population

_TITLES = frozenset(
    {
        "dr",
        "drg",
        "drh",
        "ir",
        "prof",
        "hj",
        "h",
        "kh",
        "ust",
        "ustad",
        "drs",
        "dra",
        "tn",
        "ny",
        "nn",
        "sdr",
        "sdri",
        "alm",
        "almh",
        "se",
        "sh",
        "sst",
        "st",
        "sp",
        "ssi",
        "skom",
        "sked",
        "sip",
        "sos",
        "spd",
        "sag",
        "sthi",
        "mm",
        "mh",
        "mt",
        "msi",
        "mkom",
        "mpd",
        "mba",
        "msc",
        "phd",
        "spog",
        "spa",
        "amd",
    }
)
"""Titles before and after a name, without dots. Papers differ in whether they write them."""


class TooManyAttempts(SafeError):  # noqa: N818 - reads as what it is
    """The daily number of comparisons is used up. Without a limit, a partner could find the data by guessing."""

    code = "VERIFICATION_LIMIT"

    def __init__(self) -> None:
        """The message is fixed."""
        super().__init__("The comparisons under this consent are used up for today. Try again tomorrow.")


@batch(domain=Population, read="load_facets", absent=NEVER_ABSENT)
async def verifications(
    queries: Sequence[VerificationQuery], context: HubBatchContext
) -> Answers[VerificationQuery, Verification]:
    """Whether a partner's data matches the register. Attempts are counted first, so guessing is bounded."""
    tries = Counter(each.consent for each in queries)
    within = await context.agencies[Consents].count_attempts(tries, context.call)
    asked = [each for each in queries if each.consent in within]
    answers: dict[VerificationQuery, Verification | Exception] = {each: TooManyAttempts() for each in queries}
    if asked:
        niks = list(dict.fromkeys(each.subject for each in asked))
        known = await context.agencies[Population].load_facets(niks, _get_needed_facets(asked), context.call)
        answers |= {each: _compare(each, known) for each in asked}
    return answers  # type: ignore[return-value]  # a failure replaces the answer of its key


def _get_needed_facets(queries: Sequence[VerificationQuery]) -> frozenset[type[PersonFacet]]:
    """Only the facets that the comparison needs."""
    wanted: set[type[PersonFacet]] = set()
    for claims in (each.claims for each in queries):
        if claims.mother_name is not None:
            wanted.add(Parentage)
        if claims.name is not None or claims.birth_date is not None or claims.birth_place is not None:
            wanted.add(Identity)
    return frozenset(wanted)


def _compare(
    query: VerificationQuery, known: Answers[Nik, Mapping[type[PersonFacet], PersonFacet]]
) -> Verification | AgencyFailure:
    entry = known.get(query.subject, {})
    if isinstance(entry, AgencyFailure):
        return entry
    identity, parentage = entry.get(Identity), entry.get(Parentage)
    who = identity if isinstance(identity, Identity) else None
    born_of = parentage if isinstance(parentage, Parentage) else None
    claims = query.claims
    return Verification(
        subject=query.subject,
        name=_compare_names(claims.name, None if who is None else who.name),
        birth_date=_compare_dates(claims.birth_date, None if who is None else who.birth_date),
        birth_place=_compare_names(claims.birth_place, None if who is None else who.birth_place),
        mother_name=_compare_names(claims.mother_name, None if born_of is None else born_of.mother_name),
    )


def _compare_names(claimed: str | None, registered: str | None) -> Match | None:
    if claimed is None:
        return None
    if not registered or not normalize_name(registered):
        return Match.UNKNOWN
    return Match.MATCH if normalize_name(claimed) == normalize_name(registered) else Match.NO_MATCH


def _compare_dates(claimed: date | None, registered: date | None) -> Match | None:
    if claimed is None:
        return None
    if registered is None:
        return Match.UNKNOWN
    return Match.MATCH if claimed == registered else Match.NO_MATCH


def normalize_name(name: str) -> str:
    """The name in the form that is compared: without case, accents, punctuation, double spaces and titles."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    letters = "".join(each for each in letters if not unicodedata.combining(each))
    words = re.sub(r"[.'`\u2019]", "", letters)
    parts = re.findall(r"\w+", words)
    return " ".join(part for part in parts if part not in _TITLES) or " ".join(parts)
