"""What an agency reports inside a reply: success, an absent record, or a failure, by its result code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Final

from connectors.declared.column_syntax import JSON_PATHS, ColumnSyntax
from connectors.declared.tables import ErrorTable, FaultTable, OutcomeTable, TroubleTable
from connectors.readers.texts import text
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused, AgencyUnavailable

_SHOWN_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{1,6}", re.ASCII)
"""Codes that logs may hold: too short for the number of a person."""

_MAX_CODE_LENGTH: Final = 300
_FIRST_ERROR: Final = 400
_AFTER_ERRORS: Final = 600


class Outcome(Enum):
    """What became of a call."""

    SUCCESS = "success"
    ABSENT = "absent"
    """The agency has no such record."""
    UNAVAILABLE = "unavailable"
    BUSY = "busy"
    REFUSED = "refused"
    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    """The code has no meaning."""


FAILURES: Final[Mapping[Outcome, type[AgencyFailure]]] = {
    Outcome.UNAVAILABLE: AgencyUnavailable,
    Outcome.BUSY: AgencyRefused,
    Outcome.REFUSED: AgencyRefused,
    Outcome.MALFORMED: AgencyMalformed,
}


class ResultCodes:
    """The meaning of the result codes and HTTP statuses of replies."""

    answer_type = ""
    """Media type of replies whose body says what became of the call, whatever their status."""

    def __init__(self, agency: str, table: TroubleTable, columns: ColumnSyntax) -> None:
        """Compile the regular expressions of a table; `columns` says how it names the code."""
        self._agency = agency
        self._get_codes = [columns.compile("trouble.code", each) for each in table.code]
        self._takes_lists = any("." in each for each in table.code)
        self._name = table.code[0].rpartition(".")[2] if table.code else ""
        self._judge = build_judge(table)
        self.paths: Sequence[str] = table.code
        self.faults = table.faults
        self.errors = table.errors
        self.pause = table.pause
        judge_status = build_judge(table.status)
        outcomes = {status: judge_status(str(status)) for status in range(_FIRST_ERROR, _AFTER_ERRORS)}
        self.statuses: Mapping[int, Outcome] = {
            status: each for status, each in outcomes.items() if each is not Outcome.UNKNOWN
        }
        """The meaning of HTTP statuses from 400, if it is not the usual one."""

    def require(self, reply: object, retry_after: float | None = None) -> bool:
        """Whether a reply holds an answer; False for an absent record. Raises the failure that its code means."""
        if not self._get_codes:
            return True
        has_code = isinstance(reply, Mapping) or (self._takes_lists and isinstance(reply, list))
        codes = [read_code(get(reply)) for get in self._get_codes] if has_code else []
        code = " ".join(filter(None, codes))
        outcome = self._judge(code)
        if outcome is Outcome.UNKNOWN:
            raise AgencyMalformed(self._agency, f"the answer has no {self._name}")
        return self._require(outcome, show_code(self._name, next(filter(None, codes), "")) or self._name, retry_after)

    def require_status(self, status: int, retry_after: float | None = None) -> bool:
        """The same for an HTTP status of `statuses`."""
        return self._require(self.statuses[status], f"HTTP {status}", retry_after)

    def _require(self, outcome: Outcome, detail: str, retry_after: float | None) -> bool:
        if outcome is Outcome.BUSY:
            retry_after = retry_after or self.pause
        if outcome in FAILURES:
            raise FAILURES[outcome](self._agency, detail, retry_after=retry_after)
        return outcome is Outcome.SUCCESS


class NoResultCodes:
    """An agency whose replies hold no result code, and whose HTTP statuses have their usual meaning."""

    statuses: Mapping[int, Outcome] = MappingProxyType({})

    answer_type = ""
    paths: Sequence[str] = ()
    faults = FaultTable()
    errors = ErrorTable()
    pause = 0.0

    def require(self, _reply: object, _retry_after: float | None = None) -> bool:
        """Every reply holds an answer."""
        return True

    def require_status(self, status: int, _retry_after: float | None = None) -> bool:
        """No status has another meaning. Raises `KeyError`."""
        raise KeyError(status)


def build_result_codes(
    agency: str, table: TroubleTable | None, columns: ColumnSyntax = JSON_PATHS
) -> ResultCodes | NoResultCodes:
    """The meaning of the result codes that a manifest declares. Raises `NotDeclarableError`."""
    return NoResultCodes() if table is None else ResultCodes(agency, table, columns)


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
