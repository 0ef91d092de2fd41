"""Small businesses: the domain protocol and its batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from engine.batch import batch, forward
from records.calls.answers import Answers, keep_date
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.identifiers import Nib, Nik
from records.msmes import CatalogueProduct, CatalogueQuery, Msme, Product
from resolvers.batch_context import HubBatchContext
from resolvers.caching import ABOUT_OWNER, ABOUT_PERSON, PUBLIC


class Msmes(Protocol):
    """The domain of small businesses. The composition root binds a connector to it."""

    async def msmes_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Msme]]:
        """The enterprises each person registered."""

    async def msmes(self, ids: Sequence[str], call: Call) -> Answers[str, Msme]:
        """Enterprises by their identifier."""

    async def products_of(self, msme_ids: Sequence[str], call: Call) -> Answers[str, Sequence[Product]]:
        """The products of each enterprise."""

    async def catalogue_lists(
        self, queries: Sequence[CatalogueQuery], call: Call
    ) -> Answers[CatalogueQuery, Sequence[CatalogueProduct]]:
        """Pages of the public catalogue, by text and region."""


class MsmeKey(NamedTuple):
    """An enterprise of a person. The owner is in the key so that access can be decided before the call."""

    owner: Nik
    id: str


class BusinessKey(NamedTuple):
    """A registered business, and the people who are responsible for it."""

    nib: Nib
    owners: tuple[Nik, ...]


msmes_of = forward(Msmes, Msmes.msmes_of, absent=(), caching=ABOUT_PERSON)


@batch(domain=Msmes, read="msmes_of", absent=())
async def msmes_of_businesses(
    keys: Sequence[BusinessKey], context: HubBatchContext
) -> Answers[BusinessKey, Sequence[Msme]]:
    """The enterprises that people responsible for a business enrolled with its number, not those that only name it."""
    owners = list(dict.fromkeys(owner for key in keys for owner in key.owners))
    found = await context.agencies[Msmes].msmes_of(owners, context.call)
    answers: dict[BusinessKey, Sequence[Msme] | AgencyFailure] = {}
    for key in keys:
        enrolled = [found.get(owner, ()) for owner in key.owners]
        failure = next((each for each in enrolled if isinstance(each, AgencyFailure)), None)
        own = (msme for each in enrolled if not isinstance(each, AgencyFailure) for msme in each)
        answers[key] = failure or tuple(each for each in own if each.nib == key.nib)
    return keep_date(answers, found)


@batch(domain=Msmes, caching=ABOUT_OWNER)
async def msmes(keys: Sequence[MsmeKey], context: HubBatchContext) -> Answers[MsmeKey, Msme]:
    """Enterprises by owner and identifier. One that changed hands is no longer found under its former owner."""
    found = await context.agencies[Msmes].msmes(list(dict.fromkeys(key.id for key in keys)), context.call)
    answers = {
        key: answer
        for key in keys
        if (answer := found.get(key.id)) is not None
        and (isinstance(answer, AgencyFailure) or answer.owner == key.owner)
    }
    return keep_date(answers, found)


@batch(domain=Msmes, absent=(), caching=ABOUT_OWNER)
async def products_of(keys: Sequence[MsmeKey], context: HubBatchContext) -> Answers[MsmeKey, Sequence[Product]]:
    """The products of each enterprise."""
    found = await context.agencies[Msmes].products_of(list(dict.fromkeys(key.id for key in keys)), context.call)
    return keep_date({key: answer for key in keys if (answer := found.get(key.id)) is not None}, found)


@batch(domain=Msmes, absent=(), caching=PUBLIC)
async def catalogue_lists(
    keys: Sequence[CatalogueQuery], context: HubBatchContext
) -> Answers[CatalogueQuery, Sequence[CatalogueProduct]]:
    """Pages of the public catalogue. A product whose owner did not opt in is left out, whatever the agency sends."""
    found = await context.agencies[Msmes].catalogue_lists(keys, context.call)
    public = {
        key: answer if isinstance(answer, AgencyFailure) else tuple(each for each in answer if each.in_public_catalogue)
        for key, answer in found.items()
    }
    return keep_date(public, found)
