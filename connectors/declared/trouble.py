"""What an agency reports inside a reply: success, an absent record, or a failure, by its result code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final

from connectors.declared.record_readers import dig
from connectors.declared.tables import FaultTable, OutcomeTable, TroubleTable
from connectors.readers.texts import text
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused, AgencyUnavailable

_SHOWN_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{1,6}", re.ASCII)
"""Codes that logs may hold: too short for the number of a person."""

_MAX_CODE_LENGTH: Final = 100


class Outcome(Enum):
    """What became of a call."""

    SUCCESS = "success"
    ABSENT = "absent"
    """The agency has no such record."""
    UNAVAILABLE = "unavailable"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """The code has no meaning."""


FAILURES: Final[Mapping[Outcome, type[AgencyFailure]]] = {
    Outcome.UNAVAILABLE: AgencyUnavailable,
    Outcome.REFUSED: AgencyRefused,
}


class ResultCodes:
    """The meaning of the result codes in replies."""

    def __init__(self, agency: str, table: TroubleTable) -> None:
        """Compile the regular expressions of a table."""
        self._agency = agency
        self._path = table.code.split(".")
        self._name = self._path[-1]
        self._judge = build_judge(table)
        self.path = table.code
        self.faults = table.faults

    def require(self, reply: object, retry_after: float | None = None) -> bool:
        """Whether a reply holds an answer; False for an absent record. Raises the failure that its code means."""
        code = read_code(dig(reply, *self._path) if isinstance(reply, Mapping) else None)
        outcome = self._judge(code)
        if outcome is Outcome.UNKNOWN:
            raise AgencyMalformed(self._agency, f"the answer has no {self._name}")
        if outcome in FAILURES:
            detail = show_code(self._name, code) or self._name
            raise FAILURES[outcome](self._agency, detail, retry_after=retry_after)
        return outcome is Outcome.SUCCESS


class NoResultCodes:
    """An agency whose replies hold no result code."""

    path = ""
    faults = FaultTable()

    def require(self, _reply: object, _retry_after: float | None = None) -> bool:
        """Every reply holds an answer."""
        return True


def build_result_codes(agency: str, table: TroubleTable | None) -> ResultCodes | NoResultCodes:
    """The meaning of the result codes that a manifest declares."""
    return NoResultCodes() if table is None else ResultCodes(agency, table)


def build_judge(table: OutcomeTable) -> Callable[[str], Outcome]:
    """The function from a code to its meaning."""
    given = ((each, getattr(table, each.value, None)) for each in Outcome)
    patterns = [(outcome, re.compile(each, re.ASCII).fullmatch) for outcome, each in given if each is not None]
    return lambda code: next((outcome for outcome, matches in patterns if matches(code)), Outcome.UNKNOWN)


def show_code(name: str, code: str) -> str:
    """A code as logs show it; empty if it may be anything else."""
    return f"{name} {code}" if _SHOWN_CODE.fullmatch(code) else ""


def read_code(raw: object) -> str:
    """The text of a code; empty for none. Raises `UnreadableError`."""
    return str(raw).lower() if isinstance(raw, bool) else text(raw, "a code", max_length=_MAX_CODE_LENGTH) or ""
