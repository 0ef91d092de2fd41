"""The crowd finds what it is there to find: each leak is planted once, and found within a few thousand answers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import auth.rules
import engine.plan.gather
import schema.guards
from cache.names import KeyedNames
from cache.process_tier import ProcessTier
from cache.shared_tier import Wanted
from cache.slots import Slot
from engine.batch import Batch
from engine.run import Engine
from records.freshness import Freshness
from records.identifiers import Nik
from records.wishes import Wishes
from resolvers.population import households_of
from tests.cache.valkey import running_valkey
from tests.crowd.agencies import MarkedCity
from tests.crowd.crowds import crowd_here
from tests.crowd.judge import ForeignRecord

MOST = 30_000
"""Answers within which a leak has to be found; mostly some hundreds are enough."""
Planted = Callable[[pytest.MonkeyPatch], None]


def kept_by_kind_alone(patch: pytest.MonkeyPatch) -> None:
    """What the process keeps is found by whoever asks for something of the kind."""
    find, keep = ProcessTier.find, ProcessTier.keep
    patch.setattr(ProcessTier, "find", lambda self, slot, now: find(self, slot.kind, now))
    patch.setattr(ProcessTier, "keep", lambda self, slot, kept: keep(self, slot.kind, kept))


def named_without_the_key(patch: pytest.MonkeyPatch) -> None:
    """What all processes keep has the same name for everybody."""
    of = KeyedNames._wanted

    def wanted(self: KeyedNames, slot: Slot) -> Wanted:
        return of(self, slot)._replace(name=self._digest(b"slot", slot.kind.name.encode()))

    patch.setattr(KeyedNames, "_wanted", wanted)


def flights_without_the_caller(patch: pytest.MonkeyPatch) -> None:
    """Who asks in the same words shares the run, whoever it is."""
    question = Engine._question
    patch.setattr(Engine, "_question", lambda self, plan, request, _who: question(self, plan, request, None))


def answers_by_their_order(patch: pytest.MonkeyPatch) -> None:
    """An agency is believed to answer in the order in which it was asked."""
    part = engine.plan.gather._part_of

    def by_order(batch: Batch[Any, Any], facet: Any, keys: list[Any], answers: Mapping[Any, Any]) -> Any:  # noqa: ANN401 - see the engine
        return part(batch, facet, keys, dict(zip(keys, answers.values(), strict=False)))

    patch.setattr(engine.plan.gather, "_part_of", by_order)


def everybody_is_a_parent(patch: pytest.MonkeyPatch) -> None:
    """Whoever is on a card is the guardian of everybody on it."""
    patch.setattr(schema.guards, "wards_of", lambda _nik, card, _today: card.on_the_card if card else ())


def consents_are_remembered(patch: pytest.MonkeyPatch) -> None:
    """What somebody consented to once is not asked again."""
    known: dict[str, Any] = {}
    consenting = MarkedCity.consenting

    async def remembered(self: MarkedCity, consents: Sequence[str], client: str, call: Any) -> Mapping[str, Any]:  # noqa: ANN401 - a call
        known.update(await consenting(self, consents, client, call))
        return {id_: known[id_] for id_ in consents if id_ in known and known[id_].consent.client == client}

    patch.setattr(MarkedCity, "consenting", remembered)


def restrictions_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Nobody heeds what people restricted."""

    def said(_self: MarkedCity, _nik: Nik, _client: str | None) -> Wishes:
        return Wishes()

    patch.setattr(MarkedCity, "_said", said)


def cards_are_kept(patch: pytest.MonkeyPatch) -> None:
    """Whose guardian somebody is, is decided by the card of an hour ago."""
    patch.setitem(vars(households_of), "freshness", Freshness(fresh=3600.0))


def purposes_do_not_matter(patch: pytest.MonkeyPatch) -> None:
    """Officials see what they like, whatever they say it is for."""
    purpose = auth.rules._purpose
    patch.setattr(auth.rules, "_purpose", lambda access, *more: purpose(replace(access, purposes=frozenset()), *more))


LEAKS = (
    kept_by_kind_alone,
    named_without_the_key,
    flights_without_the_caller,
    answers_by_their_order,
    everybody_is_a_parent,
    consents_are_remembered,
    restrictions_are_forgotten,
    cards_are_kept,
    purposes_do_not_matter,
)


@pytest.fixture(autouse=True)
def _agencies_fail_in_silence() -> Iterator[None]:
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("planted", LEAKS, ids=lambda each: each.__name__)
async def test_a_planted_leak_is_found(planted: Planted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    planted(monkeypatch)
    with running_valkey(tmp_path) as valkey:
        async with crowd_here(7, valkey.url, pause=0.001) as crowd:
            with pytest.raises(ForeignRecord):
                await crowd.ask(MOST)
