"""A shadow is asked and compared; the caller gets the live answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from connectors.shadow import ShadowCounts, ShadowedConnector
from records.calls.call import Call
from records.calls.failures import AgencyTimeout
from records.identifiers import Nik, Rupiah
from tests.connectors.failures import make_call
from tests.fakes.small_records import tax_object

SITI, BUDI = Nik("3171014506900001"), Nik("3171014506900002")
OBJECT = tax_object()


@dataclass
class Office:
    """Answers what it is given; `gate` lets it wait."""

    answers: Any
    gate: asyncio.Event | None = None
    calls: list[tuple[tuple[Nik, ...], Call]] = field(default_factory=list)

    async def objects_of(self, niks: Sequence[Nik], call: Call) -> Mapping[Nik, Any]:
        self.calls.append((tuple(niks), call))
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(self.answers, Exception):
            raise self.answers
        return {nik: self.answers[nik] for nik in niks if nik in self.answers}

    async def probe(self, call: Call) -> None:
        del call


async def compare(live: Office, shadow: Office, *niks: Nik) -> tuple[Mapping[Nik, Any], ShadowCounts]:
    counts = ShadowCounts()
    both: Any = ShadowedConnector(live, shadow, reads=["objects_of"], deadline=2.0, counts=counts)
    answers = await both.objects_of(list(niks), make_call())
    await asyncio.gather(*both._under_way)
    return answers, counts


@pytest.mark.parametrize(
    ("shadow", "outcome", "fields"),
    [
        ({SITI: (OBJECT,)}, "same", {}),
        ({SITI: (replace(OBJECT, address="Jl. Lain"),)}, "different", {("objects_of", "address"): 1}),
        ({SITI: (OBJECT, OBJECT)}, "different", {("objects_of", "(number)"): 1}),
        ({}, "different", {("objects_of", "(record)"): 1}),
        ({SITI: AgencyTimeout("baru", "slow")}, "failed", {}),
        (AgencyTimeout("baru", "slow"), "failed", {}),
        (ValueError("a bug"), "failed", {}),
    ],
)
async def test_the_caller_gets_the_live_answer_and_differences_are_counted_by_field(
    shadow: object, outcome: str, fields: Mapping[Any, int]
) -> None:
    answers, counts = await compare(Office({SITI: (OBJECT,)}), Office(shadow), SITI)
    assert answers == {SITI: (OBJECT,)}
    assert (counts.answers, counts.fields) == ({("objects_of", outcome): 1}, fields)


async def test_a_difference_within_a_list_is_named_by_its_field() -> None:
    bill = replace(OBJECT.bills[0], amount=Rupiah(1))
    changed = replace(OBJECT, bills=(bill, *OBJECT.bills[1:]))
    _, counts = await compare(Office({SITI: (OBJECT,)}), Office({SITI: (changed,)}), SITI)
    assert counts.fields == {("objects_of", "amount"): 1}


async def test_nothing_and_an_empty_list_are_the_same_and_a_failed_live_answer_is_not_compared() -> None:
    live = Office({SITI: (), BUDI: AgencyTimeout("lama", "slow")})
    _, counts = await compare(live, Office({}), SITI, BUDI)
    assert counts.answers == {("objects_of", "same"): 1, ("objects_of", "skipped"): 1}


async def test_the_caller_does_not_wait_and_the_shadow_has_its_own_deadline() -> None:
    shadow, counts = Office({SITI: (OBJECT,)}, asyncio.Event()), ShadowCounts()
    both: Any = ShadowedConnector(Office({SITI: (OBJECT,)}), shadow, reads=["objects_of"], deadline=2.0, counts=counts)
    call = make_call()
    for _ in range(6):
        assert await both.objects_of([SITI], call) == {SITI: (OBJECT,)}
    assert counts.answers == {("objects_of", "skipped"): 2}  # four comparisons are under way
    await asyncio.sleep(0)
    [(_, first), *_] = shadow.calls
    assert first.deadline != call.deadline
    assert first.reply_budget is not call.reply_budget
    await both.close()
    assert counts.answers == {("objects_of", "skipped"): 2}
