"""What people said about the use of their data: the fact that decisions about officials, systems and partners take.

It is asked before anything else is asked about a person, so here, too, people are charged to the reader's budget.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

from auth.caller import Caller
from engine.batch import batch
from engine.errors import SafeError
from records.calls.answers import Answers
from records.calls.call import Call
from records.hub.data_preferences import DataPreferences, Restriction
from records.identifiers import Nik
from resolvers.batch_context import HubBatchContext
from resolvers.reader_budgets import get_budgets

People: TypeAlias = tuple[Nik, ...]
"""Those that one record is about."""


class PreferencesUnavailable(SafeError):  # noqa: N818 - reads as what it is
    """Nobody can tell what the person said, so nobody reads on the strength of it."""

    code = "WISHES_UNAVAILABLE"

    def __init__(self) -> None:
        """There is one text."""
        super().__init__("Whether the person allows this cannot be told at the moment. Try again later.")


class PeoplePreferences(Protocol):
    """The domain of what people said. The composition root binds the hub's own state to it."""

    async def load_preferences(
        self, people: Sequence[Nik], caller: Caller | None, call: Call
    ) -> Mapping[Nik, DataPreferences]:
        """What each of the people said, as far as it concerns this caller, and whether their case is about them.

        Every one of the people, in one read. Without a caller, no consents and no case. Raises `PreferencesUnavailable`
        if the store or the register does not answer.
        """


@batch(agency=None, depends_on_caller=True)
async def preferences_of(
    groups: Sequence[People], context: HubBatchContext
) -> Answers[People, Mapping[Nik, DataPreferences]]:
    """What the people of each record said; read anew for every request, so that it is obeyed at once."""
    all_people = tuple(dict.fromkeys(nik for people in groups for nik in people))
    refusal = await get_budgets(context).charge(context.caller, all_people)
    admitted = all_people if refusal is None else tuple(nik for nik in all_people if nik not in refusal.people)
    preferences = (
        await context.agencies[PeoplePreferences].load_preferences(admitted, context.caller, context.call)
        if admitted
        else {}
    )
    answers: dict[People, Mapping[Nik, DataPreferences] | SafeError] = {}
    for people in groups:
        if refusal is not None and not refusal.people.isdisjoint(people):
            answers[people] = refusal.error
        else:
            answers[people] = {nik: preferences[nik] for nik in people}
    return answers  # type: ignore[return-value]  # a refusal stands in place of what people said


@batch(agency=None, absent=())
async def restrictions_of(niks: Sequence[Nik], context: HubBatchContext) -> Answers[Nik, Sequence[Restriction]]:
    """What each person restricted, as far as it is obeyed now."""
    preferences = await context.agencies[PeoplePreferences].load_preferences(niks, None, context.call)
    return {nik: preferences[nik].restrictions for nik in niks}
