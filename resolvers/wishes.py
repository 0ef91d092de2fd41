"""What people said about the use of their data: the fact that decisions about officials, systems and partners take.

It is asked before anything else is asked about a person, so here, too, people are charged to the reader's budget.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

from auth.caller import Caller
from engine.batch import batch
from engine.errors import SafeError
from records.answers import Answers
from records.call import Call
from records.identifiers import Nik
from records.wishes import Restriction, Wishes
from resolvers.ask import Ask
from resolvers.people_budgets import budgets_of

People: TypeAlias = tuple[Nik, ...]
"""Those that one record is about."""


class WishesUnknown(SafeError):  # noqa: N818 - reads as what it is
    """Nobody can tell what the person said, so nobody reads on the strength of it."""

    code = "WISHES_UNAVAILABLE"

    def __init__(self) -> None:
        """There is one text."""
        super().__init__("Whether the person allows this cannot be told at the moment. Try again later.")


class SaidWishes(Protocol):
    """The domain of what people said. The composition root binds the hub's own state to it."""

    async def wishes(self, people: Sequence[Nik], caller: Caller | None, call: Call) -> Mapping[Nik, Wishes]:
        """What each of the people said, as far as it concerns this caller, and whether their case is about them.

        Every one of the people, in one read. Without a caller, no consents and no case. Raises `WishesUnknown` if the
        store or the register does not answer.
        """


@batch(agency=None, reads_caller=True)
async def wishes_of(about: Sequence[People], ask: Ask) -> Answers[People, Mapping[Nik, Wishes]]:
    """What the people of each record said; read anew for every request, so that it is obeyed at once."""
    everybody = tuple(dict.fromkeys(nik for people in about for nik in people))
    refusal = await budgets_of(ask).charge(ask.caller, everybody)
    admitted = everybody if refusal is None else tuple(nik for nik in everybody if nik not in refusal.people)
    said = await ask.agencies[SaidWishes].wishes(admitted, ask.caller, ask.call) if admitted else {}
    answers: dict[People, Mapping[Nik, Wishes] | SafeError] = {}
    for people in about:
        if refusal is not None and not refusal.people.isdisjoint(people):
            answers[people] = refusal.error
        else:
            answers[people] = {nik: said[nik] for nik in people}
    return answers  # type: ignore[return-value]  # a refusal stands in place of what people said


@batch(agency=None, absent=())
async def restrictions_of(niks: Sequence[Nik], ask: Ask) -> Answers[Nik, Sequence[Restriction]]:
    """What each person restricted, as far as it is obeyed now."""
    said = await ask.agencies[SaidWishes].wishes(niks, None, ask.call)
    return {nik: said[nik].restrictions for nik in niks}
