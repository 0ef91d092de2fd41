"""The rows of one declared call over HTTP, checked inside the gate: a reply that is no answer counts at the breaker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, Final

from connectors.declared.domain_reads import DomainRead
from connectors.declared.driver_family import Source
from connectors.declared.http.requests import KEY, HttpReadRequest, list_key_parts
from connectors.declared.http.tables import HttpReadTable
from connectors.declared.record_readers import dig
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.http.driver import HttpDriver
from connectors.readers.rows import Row, row, rows
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.calls.call import Call
from records.calls.failures import AgencyMalformed, AgencyRefused

_NOT_FOUND: Final = 404
_FIRST_CLIENT_ERROR: Final = 400

HttpSource = Source[HttpDriver]

ReadColumn = Callable[[Row], str | None]
"""A column as text. Raises `UnreadableError`."""


class HttpRowCalls:
    """Calls the agency for the rows of one read."""

    def __init__(
        self, source: HttpSource, domain_read: DomainRead, table: HttpReadTable, request: HttpReadRequest
    ) -> None:
        """Raises `NotDeclarableError` if `key` names no part of the key."""
        self._source = source
        self.request = request
        self._names = [each for each in table.rows.split(".") if each]
        self._may_be_row = not domain_read.is_list and bool(request.used)
        self._repeated = _list_repeated(domain_read, table) if request.used else ()

    async def ask(self, key: Any, call: Call) -> Sequence[Row] | None:  # noqa: ANN401 - any key of a domain
        """The rows of one call; None for an absent record. Raises `AgencyFailure`."""
        request = self.request
        return await self._source.driver.ask_json(
            "POST" if request.build_form else "GET",
            request.build_path(key),
            call,
            partial(self._parse, key),
            query=request.build_query(key) if request.build_query else None,
            form=request.build_form(key) if request.build_form else None,
        )

    async def ask_list(self, call: Call) -> Sequence[Row]:
        """The rows of a list that always exists. Raises `AgencyFailure`."""
        found = await self.ask(None, call)
        if found is None:
            raise AgencyRefused(self._source.agency, f"HTTP {_NOT_FOUND}")
        return found

    def _parse(self, key: Any, status: int, reply: object) -> Sequence[Row] | None:  # noqa: ANN401 - any key of a domain
        if status == _NOT_FOUND:
            return None
        if status >= _FIRST_CLIENT_ERROR:
            raise AgencyRefused(self._source.agency, f"HTTP {status}")
        try:
            if not self._source.codes.require(reply):
                return None
            found = self._find_rows(reply)
            for read_column, find_part in self._repeated:
                wanted = str(find_part(key))
                if any(read_column(each) != wanted for each in found):
                    raise self._source.check.record_mismatch("a row for a key that was not requested")
        except UnreadableError as error:
            raise AgencyMalformed(self._source.agency, str(error)) from None
        return found

    def _find_rows(self, reply: object) -> Sequence[Row]:
        for name in self._names:
            reply = row(reply).get(name)
        return (reply,) if self._may_be_row and isinstance(reply, Mapping) else rows(reply)


def build_column_reader(column: str) -> ReadColumn:
    """The reader of a column with keys or identifiers."""
    get = _build_getter(column)
    return lambda each: text(get(each))


def _build_getter(column: str) -> Callable[[Row], object]:
    names = column.split(".")
    return (lambda each: each.get(column)) if len(names) == 1 else lambda each: dig(each, *names)


def _list_repeated(
    domain_read: DomainRead, table: HttpReadTable
) -> Sequence[tuple[ReadColumn, Callable[[Any], object]]]:
    """The columns in which each row repeats a part of the key."""
    given = {KEY: table.key} if isinstance(table.key, str) else dict(table.key or {})
    parts = list_key_parts(domain_read.key)
    if unknown := sorted(given.keys() - parts.keys()):
        raise NotDeclarableError(
            f"reads.{domain_read.name}.key", f"the key has no part '{unknown[0]}'; it has {', '.join(parts)}"
        )
    return [
        (build_column_reader(column), (lambda key: key) if part == KEY else attrgetter(part))
        for part, column in given.items()
    ]
