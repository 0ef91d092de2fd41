"""Data preferences: restrictions and consents of people, which decide what officials, systems and partners may read.

They are loaded before any other data about a person, so people are charged to the reader's budget here, too.
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
"""The people that one record is about."""


class PreferencesUnavailable(SafeError):  # noqa: N818 - reads as what it is
    """The preferences of the person cannot be loaded, so no read is allowed on the basis of them."""

    code = "PREFERENCES_UNAVAILABLE"

    def __init__(self) -> None:
        """The message is fixed."""
        super().__init__("Whether the person allows this cannot be checked at the moment. Try again later.")


class PeoplePreferences(Protocol):
    """The domain of data preferences. The composition root binds the hub's own database to it."""

    async def load_preferences(
        self, people: Sequence[Nik], caller: Caller | None, call: Call
    ) -> Mapping[Nik, DataPreferences]:
        """The preferences of each person that concern this caller, and whether the caller's case is about the person.

        Returns every person, in one read. Without a caller, there are no consents and no case. Raises
        `PreferencesUnavailable` if the store or the case register does not answer.
        """


@batch(domain=None, depends_on_caller=True)
async def preferences_of(
    groups: Sequence[People], context: HubBatchContext
) -> Answers[People, Mapping[Nik, DataPreferences]]:
    """The preferences of the people of each record, read for every request so that changes apply immediately."""
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
    return answers  # type: ignore[return-value]  # a refusal replaces the preferences


@batch(domain=None, absent=())
async def restrictions_of(niks: Sequence[Nik], context: HubBatchContext) -> Answers[Nik, Sequence[Restriction]]:
    """The restrictions of each person that are in force now."""
    preferences = await context.agencies[PeoplePreferences].load_preferences(niks, None, context.call)
    return {nik: preferences[nik].restrictions for nik in niks}
