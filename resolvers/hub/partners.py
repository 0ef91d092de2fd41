"""The directory of partners: the domain protocol and its batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.batch import forward
from engine.errors import SafeError
from records.calls.answers import Answers
from records.calls.call import Call
from records.partners import Partner, PartnerQuery


class PartnersUnavailable(SafeError):  # noqa: N818 - reads as what it is
    """The hub's own database does not answer, so the directory cannot be read."""

    code = "PARTNERS_UNAVAILABLE"

    def __init__(self) -> None:
        """The message is fixed."""
        super().__init__("The directory of partners cannot be read at the moment. Try again later.")


class PartnerDirectory(Protocol):
    """The domain of partners. The composition root binds the hub's contracts to it."""

    async def partners(self, queries: Sequence[PartnerQuery], call: Call) -> Answers[PartnerQuery, Sequence[Partner]]:
        """Partners by text and channel, ordered by name."""


partner_lists = forward(PartnerDirectory, PartnerDirectory.partners, name="partner_lists", is_of_hub=True, absent=())
