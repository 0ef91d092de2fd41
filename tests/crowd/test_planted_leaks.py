"""The crowd finds leaks: each leak is planted once, and found within a few thousand answers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import auth.policy.decision
import engine.execution.batch_scheduler
import schema.declarations.field_decision
from cache.answers.cache_keys import CacheKeyBuilder
from cache.answers.process_tier import ProcessTier
from cache.answers.shared_tier import CacheKey
from cache.answers.slots import Slot
from engine.agencies.bindings import Agencies
from engine.batch import Batch
from engine.engine import Engine
from records.calls.freshness import Freshness
from records.hub.data_preferences import DataPreferences
from records.identifiers import Nik
from resolvers.caching import ABOUT_PERSON
from resolvers.population import family_cards_of
from tests.cache.valkey import run_valkey
from tests.crowd.agencies import MarkedSmallCity
from tests.crowd.crowd_setups import run_in_process_crowd
from tests.crowd.judge import ForeignRecord

MAX_ANSWERS = 30_000
"""The number of answers within which a leak must be found; mostly some hundreds are enough."""
PlantLeak = Callable[[pytest.MonkeyPatch], None]


def cache_by_kind_only(patch: pytest.MonkeyPatch) -> None:
    """The process's cache ignores the caller: a similar request finds another caller's entry."""
    find, keep = ProcessTier.find, ProcessTier.put
    patch.setattr(ProcessTier, "find", lambda self, slot, now: find(self, slot.kind, now))
    patch.setattr(ProcessTier, "put", lambda self, slot, kept: keep(self, slot.kind, kept))


def name_without_key(patch: pytest.MonkeyPatch) -> None:
    """The shared cache uses the same name for all callers."""
    of = CacheKeyBuilder._compute_key

    def wanted(self: CacheKeyBuilder, slot: Slot) -> CacheKey:
        return of(self, slot)._replace(name=self._digest(b"slot", slot.kind.name.encode()))

    patch.setattr(CacheKeyBuilder, "_compute_key", wanted)


def share_runs_across_callers(patch: pytest.MonkeyPatch) -> None:
    """Different callers with the same document share a run."""
    question = Engine._get_share_key
    patch.setattr(Engine, "_get_share_key", lambda self, plan, run: question(self, plan, run._replace(caller_key=None)))


def match_answers_by_order(patch: pytest.MonkeyPatch) -> None:
    """Answers of an agency are assigned by the order of the keys."""
    part = engine.execution.batch_scheduler._select_facet_of_slice

    def by_order(batch: Batch[Any, Any], facet: Any, keys: list[Any], answers: Mapping[Any, Any]) -> Any:  # noqa: ANN401 - see the engine
        return part(batch, facet, keys, dict(zip(keys, answers.values(), strict=False)))

    patch.setattr(engine.execution.batch_scheduler, "_select_facet_of_slice", by_order)


def treat_everybody_as_parent(patch: pytest.MonkeyPatch) -> None:
    """Each person on a card is the guardian of all others on it."""
    patch.setattr(
        schema.declarations.field_decision,
        "find_guarded_children",
        lambda _nik, card, _today: card.on_the_card if card else (),
    )


def cache_consents(patch: pytest.MonkeyPatch) -> None:
    """A consent is read only once."""
    known: dict[str, Any] = {}
    consenting = MarkedSmallCity.load_consenting_people

    async def remembered(self: MarkedSmallCity, consents: Sequence[str], client: str, call: Any) -> Mapping[str, Any]:  # noqa: ANN401 - a call
        known.update(await consenting(self, consents, client, call))
        return {id_: known[id_] for id_ in consents if id_ in known and known[id_].consent.client == client}

    patch.setattr(MarkedSmallCity, "load_consenting_people", remembered)


def ignore_restrictions(patch: pytest.MonkeyPatch) -> None:
    """Restrictions are ignored."""

    def said(_self: MarkedSmallCity, _nik: Nik, _client: str | None) -> DataPreferences:
        return DataPreferences()

    patch.setattr(MarkedSmallCity, "_preferences_of", said)


def cache_family_cards(patch: pytest.MonkeyPatch) -> None:
    """Guardians are determined by a card that is an hour old."""
    get_freshness, of_cards = Agencies.get_freshness, Freshness(fresh=3600.0)
    patch.setitem(vars(family_cards_of), "caching", ABOUT_PERSON)
    patch.setattr(
        Agencies,
        "get_freshness",
        lambda agencies, batch: of_cards if batch is family_cards_of else get_freshness(agencies, batch),
    )


def ignore_purposes(patch: pytest.MonkeyPatch) -> None:
    """Officials see all data for any purpose."""
    purpose = auth.policy.decision._check_purpose
    patch.setattr(
        auth.policy.decision,
        "_check_purpose",
        lambda access, *more: purpose(replace(access, purposes=frozenset()), *more),
    )


LEAKS = (
    cache_by_kind_only,
    name_without_key,
    share_runs_across_callers,
    match_answers_by_order,
    treat_everybody_as_parent,
    cache_consents,
    ignore_restrictions,
    cache_family_cards,
    ignore_purposes,
)


@pytest.fixture(autouse=True)
def _silence_agency_failures() -> Iterator[None]:
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize(
    "planted",
    [
        # Four of them in each run of the tests, and all in the long ones.
        pytest.param(leak, id=leak.__name__, marks=[] if number % 2 else pytest.mark.long)
        for number, leak in enumerate(LEAKS)
    ],
)
async def test_a_planted_leak_is_found(planted: PlantLeak, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    planted(monkeypatch)
    with run_valkey(tmp_path) as valkey:
        async with run_in_process_crowd(7, valkey.url, answers_per_change=4) as crowd:
            with pytest.raises(ForeignRecord):
                await crowd.ask(MAX_ANSWERS)
