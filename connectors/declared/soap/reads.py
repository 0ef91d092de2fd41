"""Declared reads over SOAP: one call for each key, or one for several keys where an element repeats."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import partial
from operator import attrgetter, itemgetter
from typing import Any

from connectors.batching.fan_out import ask_in_chunks, fan_out
from connectors.batching.row_check import RowCheck
from connectors.declared.domain_reads import KEY, DomainRead, list_key_parts
from connectors.declared.read_records import Read, all_or_failure, only_record, read_or_failure
from connectors.declared.record_readers import PERSONAL_NUMBERS, RecordReader
from connectors.declared.soap.requests import SoapReadRequest, build_soap_request
from connectors.declared.soap.rows import SoapRows, SoapSource
from connectors.declared.soap.tables import SoapReadTable
from connectors.declared.tables import NotDeclarableError
from connectors.readers.rows import Row
from connectors.readers.unreadable import UnreadableError
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed

CheckAnswers = Callable[[Answers[Any, Any]], Answers[Any, Any]]


def build_soap_read(source: SoapSource, domain_read: DomainRead, table: SoapReadTable) -> Read:
    """Build one read.

    Raises:
        NotDeclarableError: The WSDL does not describe the request or the rows, or a swapped reply would go unnoticed.

    """
    request = build_soap_request(domain_read, table, source.driver)
    reader = source.records.build(domain_read.name, domain_read.record)
    rows = SoapRows(source, domain_read, table, request.operation, reader)
    _require_proof(domain_read, table, request, reader)
    limit = min(table.max_concurrency, source.limits.max_concurrency)
    calls = _SoapCalls(source, request, reader.bind, rows, is_list=domain_read.is_list, limit=limit)
    ask = calls.ask_batches if request.is_batch else calls.ask_each
    check = _build_identity_check(source.check, domain_read, table)
    is_known_form = request.is_known_form

    async def read(keys: Sequence[Any], call: Call) -> Answers[Any, Any]:
        return check(await ask([key for key in keys if is_known_form(key)], call))

    return read


def _require_proof(
    domain_read: DomainRead, table: SoapReadTable, request: SoapReadRequest, reader: RecordReader[Any]
) -> None:
    """Require that a swapped reply is noticed: it repeats the key, or its message names the request."""
    place = f"reads.{domain_read.name}"
    parts = list_key_parts(domain_read.key)
    if table.key is not None and parts.keys() != {KEY}:
        raise NotDeclarableError(f"{place}.key", "the key has several parts; remove this line")
    if reader.takes_key and parts.keys() != {KEY}:
        raise NotDeclarableError(place, f"{domain_read.record.__name__} takes {{key}}, but this key has parts")
    for where, kind in reader.people.items():
        if kind != domain_read.key:
            raise NotDeclarableError(where, "the key is not the number of this person: name the column of the number")
    if request.is_batch and table.key is None:
        raise NotDeclarableError(place, "rows of several keys must repeat their key: name its column in `key`")
    is_personal = any(each in PERSONAL_NUMBERS for each in parts.values())
    if is_personal and table.key is None and not (request.operation.offers_addressing and table.id is not None):
        raise NotDeclarableError(
            place,
            "rows must repeat the number of the person: name its column in `key`. If they do not, the WSDL must offer"
            " WS-Addressing, and `id` must name the field that identifies a record",
        )


@dataclass(frozen=True, slots=True)
class _SoapCalls:
    """Makes the calls of one read."""

    source: SoapSource
    request: SoapReadRequest
    bind: Callable[[object], Callable[[Row], Any]]
    rows: SoapRows
    _: KW_ONLY
    is_list: bool
    """Whether a key has many records."""
    limit: int
    """Maximum concurrent calls for one key each."""

    def ask_each(self, keys: Sequence[Any], call: Call) -> Awaitable[Answers[Any, Any]]:
        """One call for each key."""
        return fan_out(keys, lambda key: self._ask_one(key, call), limit=self.limit)

    def ask_batches(self, keys: Sequence[Any], call: Call) -> Awaitable[Answers[Any, Any]]:
        """As few calls as the terms allow."""
        limit = self.source.limits.max_batch_size
        return ask_in_chunks(keys, lambda some: self._ask_batch(some, call), max_batch_size=limit)

    async def _ask_one(self, key: Any, call: Call) -> Any:  # noqa: ANN401 - any key, any answer
        found = await self._ask_rows((key,), key, call)
        if found is None:
            return None
        try:
            records = await self.source.driver.work.map(found, self.bind(key))
        except UnreadableError as error:
            raise AgencyMalformed(self.source.agency, str(error)) from None
        if self.is_list:
            return tuple(records)
        return only_record(self.source.check, records) if records else None

    async def _ask_batch(self, keys: Sequence[Any], call: Call) -> Answers[Any, Any]:
        if not keys:
            return {}
        check, work = self.source.check, self.source.driver.work
        numbered = list(enumerate(await self._ask_rows(keys, keys, call) or ()))
        groups = check.group_by_key(
            numbered, keys, key_of=lambda each: self.rows.read_key(each[1]), id_of=itemgetter(0)
        )
        choose = all_or_failure if self.is_list else partial(only_record, check)
        answers: dict[Any, Any] = {}
        for key, each in groups.items():
            if isinstance(each, AgencyFailure):
                answers[key] = each
            else:
                read_row = partial(read_or_failure, self.source.agency, self.bind(key))
                answers[key] = choose(await work.map([row for _, row in each], read_row))
        return answers

    def _ask_rows(self, keys: Sequence[Any], sent: Any, call: Call) -> Awaitable[Sequence[Row] | None]:  # noqa: ANN401 - as above
        request = self.request
        values = request.list_values(sent)
        return self.source.driver.ask(request.message, values, call, partial(self.rows.parse, keys))


def _build_identity_check(check: RowCheck, domain_read: DomainRead, table: SoapReadTable) -> CheckAnswers:
    """Fail the answers of keys that claim the same record, unless its identifier says that it is shared."""
    place = f"reads.{domain_read.name}"
    if table.id is None:
        if table.shared is not None:
            raise NotDeclarableError(f"{place}.shared", "it is about identifiers: name their field in `id`")
        return lambda answers: answers
    if table.id not in domain_read.record.__dataclass_fields__:
        raise NotDeclarableError(f"{place}.id", f"the record {domain_read.record.__name__} has no field '{table.id}'")
    get_id = attrgetter(table.id)
    is_shared = re.compile(table.shared or r"(?!)", re.ASCII).fullmatch

    def identify(pair: tuple[Any, Any]) -> tuple[Any, Any]:
        key, record = pair
        identifier = get_id(record)
        return identifier, key if is_shared(str(identifier)) else None

    def check_answers(answers: Answers[Any, Any]) -> Answers[Any, Any]:
        pairs = [
            (key, each)
            for key, found in answers.items()
            if not isinstance(found, AgencyFailure)
            for each in (found if domain_read.is_list else (found,))
        ]
        groups = check.group_by_key(pairs, tuple(answers), key_of=lambda pair: pair[0], id_of=identify)
        failed = {key: each for key, each in groups.items() if isinstance(each, AgencyFailure)}
        return {**answers, **failed} if failed else answers

    return check_answers
