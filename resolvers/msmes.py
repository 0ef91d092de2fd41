"""Small businesses: what can be asked, and how it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from engine.batch import batch
from records.answers import Answers
from records.call import Call
from records.failures import AgencyFailure
from records.freshness import Freshness, hours, minutes
from records.identifiers import Nik
from records.msmes import Msme, Product
from resolvers.ask import Ask
from resolvers.tags import by_owner, by_person

_ENTERPRISES = Freshness(fresh=minutes(5), failing=hours(1), absent=minutes(1), for_a_purpose=0, tags=by_person)


class Msmes(Protocol):
    """The domain of small businesses. The composition root binds a connector to it."""

    async def msmes_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Msme]]:
        """The enterprises each person registered."""

    async def msmes(self, ids: Sequence[str], call: Call) -> Answers[str, Msme]:
        """Enterprises by their identifier."""

    async def products_of(self, msme_ids: Sequence[str], call: Call) -> Answers[str, Sequence[Product]]:
        """What each enterprise sells."""


class MsmeKey(NamedTuple):
    """An enterprise of a person; the owner is part of the key so that the rule can be decided before asking."""

    owner: Nik
    id: str


@batch(agency="jakpreneur", absent=(), freshness=_ENTERPRISES)
async def msmes_of(niks: Sequence[Nik], ask: Ask) -> Answers[Nik, Sequence[Msme]]:
    """The enterprises each person registered."""
    return await ask.agencies[Msmes].msmes_of(niks, ask.call)


@batch(agency="jakpreneur", freshness=replace(_ENTERPRISES, tags=by_owner))
async def msmes(keys: Sequence[MsmeKey], ask: Ask) -> Answers[MsmeKey, Msme]:
    """Enterprises by owner and identifier. One that changed hands is no longer found under its former owner."""
    found = await ask.agencies[Msmes].msmes(list(dict.fromkeys(key.id for key in keys)), ask.call)
    return {
        key: answer
        for key in keys
        if (answer := found.get(key.id)) is not None
        and (isinstance(answer, AgencyFailure) or answer.owner == key.owner)
    }


@batch(agency="jakpreneur", absent=(), freshness=replace(_ENTERPRISES, tags=by_owner))
async def products_of(keys: Sequence[MsmeKey], ask: Ask) -> Answers[MsmeKey, Sequence[Product]]:
    """What each enterprise sells."""
    found = await ask.agencies[Msmes].products_of(list(dict.fromkeys(key.id for key in keys)), ask.call)
    return {key: answer for key in keys if (answer := found.get(key.id)) is not None}
