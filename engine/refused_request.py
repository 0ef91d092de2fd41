"""A request that is not run at all."""

from __future__ import annotations

from typing import Any

from engine.request import ResponseOutcome


class RefusedRequest(Exception):  # noqa: N818 - reads as what it is
    """The request is not run at all; the errors say why."""

    def __init__(self, *errors: dict[str, Any], outcome: ResponseOutcome = ResponseOutcome.REFUSED) -> None:
        """Take errors as the response carries them."""
        super().__init__(f"{len(errors)} request errors")
        self.errors = errors
        self.outcome = outcome
