"""What people said about the use of their data: the fact that decisions about officials, systems and partners take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

from engine.batch import batch
from engine.errors import SafeError
from records.answers import Answers
from records.call import Call
from records.clients import ClientId
from records.identifiers import Nik
from records.wishes import Restriction, Wishes
from resolvers.ask import Ask

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

    async def wishes(self, people: Sequence[Nik], client: ClientId | None, call: Call) -> Mapping[Nik, Wishes]:
        """What each of the people said, as far as it concerns this client: every one of them, in one read.

        Raises `WishesUnknown` where it cannot be told.
        """


@batch(agency=None, reads_caller=True)
async def wishes_of(about: Sequence[People], ask: Ask) -> Answers[People, Mapping[Nik, Wishes]]:
    """What the people of each record said; read anew for every request, so that it is obeyed at once."""
    everybody = tuple(dict.fromkeys(nik for people in about for nik in people))
    said = await ask.agencies[SaidWishes].wishes(everybody, ask.caller.client, ask.call)
    return {people: {nik: said[nik] for nik in people} for people in about}


@batch(agency=None, absent=())
async def restrictions_of(niks: Sequence[Nik], ask: Ask) -> Answers[Nik, Sequence[Restriction]]:
    """What each person restricted, as far as it is obeyed now."""
    said = await ask.agencies[SaidWishes].wishes(niks, None, ask.call)
    return {nik: said[nik].restrictions for nik in niks}
