"""Uses of the city's services by month: the domain protocol, and its null object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from engine.errors import SafeError
from records.calls.answers import Answers
from records.calls.call import Call


class UsesUnavailable(SafeError):  # noqa: N818 - reads as what it is
    """The hub's own database does not answer."""

    code = "USES_UNAVAILABLE"

    def __init__(self) -> None:
        """The message is fixed."""
        super().__init__("The uses of services cannot be read at the moment. Try again later.")


class ServiceUses(Protocol):
    """The domain of uses. The composition root binds the hub's own database to it."""

    async def uses_of(self, months: Sequence[str], call: Call) -> Answers[str, Mapping[str, int]]:
        """The number of uses of each service by code, for each month such as `2026-10`. Raises `UsesUnavailable`."""


class NoServiceUses:
    """A hub that counts nothing."""

    async def uses_of(self, months: Sequence[str], call: Call) -> Answers[str, Mapping[str, int]]:  # noqa: ARG002 - nothing is asked
        """No uses."""
        return {month: {} for month in months}
