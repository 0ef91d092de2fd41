"""The rows of one declared call over SOAP, checked inside the gate: a reply that is no answer counts at the breaker."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from connectors.declared.column_syntax import PARENT, dig, parse_steps
from connectors.declared.domain_reads import DomainRead
from connectors.declared.driver_family import Source
from connectors.declared.record_readers import RecordReader, list_inner_rows
from connectors.declared.soap.requests import find_element
from connectors.declared.soap.tables import SoapReadTable
from connectors.declared.tables import FaultTable, NotDeclarableError
from connectors.declared.trouble import FAILURES, Outcome, build_judge, show_code
from connectors.drivers.soap.driver import SoapDriver
from connectors.drivers.soap.element_shapes import ElementPart, ElementShape
from connectors.drivers.soap.replies import SoapFault, SoapReply
from connectors.drivers.soap.wsdl import WsdlOperation
from connectors.readers.rows import Row
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.calls.failures import AgencyMalformed, AgencyRefused, AgencyUnavailable

SoapSource = Source[SoapDriver]


class SoapRows:
    """Finds the rows in the replies to one read."""

    def __init__(
        self,
        source: SoapSource,
        domain_read: DomainRead,
        table: SoapReadTable,
        operation: WsdlOperation,
        reader: RecordReader[Any],
    ) -> None:
        """Raises `NotDeclarableError` for rows or columns that the WSDL does not describe."""
        self._source = source
        self._faults = _FaultCodes(source.agency, source.codes.faults, source.codes.pause)
        self._key = table.key
        self._match = [(name, columns) for name, columns in table.match.items()]
        place = f"reads.{domain_read.name}"
        self._parts = list(_split_lists(parse_steps(f"{place}.rows", table.rows)))
        for path in source.codes.paths:
            _find_text("trouble.code", operation.reply, path)
        shape = _find_rows(f"{place}.rows", operation.reply, table.rows, is_list=domain_read.is_list)
        _check_columns(reader, shape)
        if table.key is not None:
            _find_text(f"{place}.key", shape, table.key)
        for name, columns in table.match.items():
            inner = _find_list(f"{place}.match.{name}", shape, name)
            for column in columns:
                _find_text(f"{place}.match.{name}", shape, column)
                _find_text(f"{place}.match.{name}", inner, column)

    def parse(self, keys: Collection[Any], reply: SoapReply) -> Sequence[Row] | None:
        """The rows of a reply; None for an absent record. Raises `AgencyFailure`."""
        source = self._source
        if isinstance(reply.content, SoapFault):
            self._faults.require_absence(reply.content, reply.retry_after)
            return None
        try:
            if not source.codes.require(reply.content, reply.retry_after):
                return None
            found = self._find_rows(reply.content)
            if self._key is not None:
                self._require_keys(keys, found)
            if self._match and any(map(self._has_strange_rows, found)):
                raise source.check.record_mismatch("a row within another does not repeat its columns")
        except UnreadableError as error:
            raise AgencyMalformed(source.agency, str(error)) from None
        return found

    def read_key(self, row: Row) -> str | None:
        """The key that a row repeats. Raises `UnreadableError`."""
        return text(dig(row, *(self._key or "").split(".")), "a key")

    def _find_rows(self, content: Mapping[str, object]) -> Sequence[Row]:
        outer, *within = self._parts
        found = _list_rows(content, outer)
        for names in within:
            found = [{PARENT: parent, **each} for parent in found for each in _list_rows(parent, names)]
        return found

    def _require_keys(self, keys: Collection[Any], found: Sequence[Row]) -> None:
        given = map(self.read_key, found)
        if len(keys) > 1:
            # A key in another form fails alone, when rows are grouped by key.
            self._source.check.require_requested(given, keys)
        elif not set(given) <= {str(key) for key in keys}:
            raise self._source.check.record_mismatch("a row for a key that was not requested")

    def _has_strange_rows(self, row: Row) -> bool:
        for name, columns in self._match:
            wanted = [row.get(column) for column in columns]
            for each in list_inner_rows(row.get(name)):
                given = [each.get(column) for column in columns]
                # Leading zeros may be lost in one of them.
                if given != wanted and _strip_zeros(given) != _strip_zeros(wanted):
                    return True
        return False


def _split_lists(steps: Sequence[tuple[str, bool]]) -> Iterator[list[str]]:
    """The names to the rows of each list within a list; at least one, perhaps empty."""
    names: list[str] = []
    for name, holds_rows in steps:
        names.append(name)
        if holds_rows:
            yield names
            names = []
    yield names


def _list_rows(content: Row, names: Sequence[str]) -> Sequence[Row]:
    found: object = content
    for name in names:
        if not found:  # an empty element holds no rows
            return ()
        found = dig(found, name)
    return list_inner_rows(found or None)


class _FaultCodes:
    """The meaning of SOAP faults."""

    def __init__(self, agency: str, table: FaultTable, pause: float) -> None:
        self._agency = agency
        self._pause = pause
        self._name = table.code
        self._judge = build_judge(table)

    def require_absence(self, fault: SoapFault, retry_after: float | None) -> None:
        """Do nothing for a fault that means an absent record. Raises the failure that any other means."""
        code = "" if self._name is None else fault.detail.get(self._name, "").strip()
        outcome = self._judge(code or fault.code)
        if outcome is Outcome.ABSENT:
            return
        if outcome is Outcome.BUSY:
            retry_after = retry_after or self._pause
        shown = show_code(self._name or "", code)
        detail = f"SOAP fault {fault.code}" + (f", {shown}" if shown else "")
        by_side = AgencyRefused if fault.is_of_caller else AgencyUnavailable
        raise FAILURES.get(outcome, by_side)(self._agency, detail, retry_after=retry_after)


def _find_rows(place: str, reply: ElementShape, path: str, *, is_list: bool) -> ElementShape:
    """The type of a row. Raises `NotDeclarableError`."""
    if not path:
        if is_list:
            raise NotDeclarableError(place, f"name the element that repeats for each row; {_list_names(reply)}")
        return reply
    *around, last = _split_lists(parse_steps(place, path))
    shape = reply
    for number, each in enumerate(around):
        within = _find_list(place, shape, ".".join(each))
        shape = _add_parent(within, shape) if number else within
    part = _find(place, shape, ".".join(last))
    if part.is_text:
        raise NotDeclarableError(place, "the element holds a text, and no columns")
    if is_list and not part.is_repeated and not part.shape.is_open:
        raise NotDeclarableError(
            place, f"the element does not repeat; name one within it: {', '.join(part.shape.parts)}"
        )
    return _add_parent(part.shape, shape) if around else part.shape


def _add_parent(shape: ElementShape, parent: ElementShape) -> ElementShape:
    """The type of a row within another row, which is its element `^`."""
    return ElementShape({PARENT: ElementPart(is_repeated=False, shape=parent), **shape.parts}, is_open=shape.is_open)


def _check_columns(reader: RecordReader[Any], shape: ElementShape) -> None:
    for use in reader.uses:
        if use.is_text:
            _find_text(use.place, shape, use.column)
        else:
            _find(use.place, shape, use.column)
    for column, inner in reader.lists.items():
        within = _find_list(f"records.{reader.record.__name__}", shape, column)
        _check_columns(inner, _add_parent(within, shape) if inner.outer_uses else within)


def _find(place: str, shape: ElementShape, path: str) -> ElementPart:
    """The element at a path. Raises `NotDeclarableError`."""
    name, _, rest = path.partition(".")
    part = find_element(place, shape, name)
    if not rest:
        return part
    if part.is_repeated:
        raise NotDeclarableError(place, f"'{name}' repeats, so it has no single '{rest}'")
    return _find(place, part.shape, rest)


def _find_text(place: str, shape: ElementShape, path: str) -> None:
    part = _find(place, shape, path)
    if part.is_repeated or not (part.is_text or part.shape.is_open):
        problem = f"'{path}' holds elements" if not part.is_text else f"'{path}' repeats"
        raise NotDeclarableError(place, f"{problem}, and not one text")


def _find_list(place: str, shape: ElementShape, path: str) -> ElementShape:
    part = _find(place, shape, path)
    if part.is_text or not (part.is_repeated or part.shape.is_open):
        raise NotDeclarableError(place, f"'{path}' is no list of elements with columns")
    return part.shape


def _list_names(shape: ElementShape) -> str:
    return f"the reply has {', '.join(shape.parts) or 'none'}"


def _strip_zeros(values: Sequence[object]) -> list[str]:
    return [str(each or "").strip().lstrip("0") for each in values]
