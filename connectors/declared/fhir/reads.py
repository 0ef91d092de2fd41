"""Declared reads of a FHIR server: searches whose resources repeat the keys that they were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from connectors.batching.fan_out import ask_in_chunks, fan_out
from connectors.declared.domain_reads import KEY, DomainRead, list_key_parts
from connectors.declared.driver_family import RowSource
from connectors.declared.fhir.paths import CONTEXT, PathSteps, find_texts, parse_path
from connectors.declared.fhir.searches import CheckRows, FhirSearches, FhirSource, check_parameters
from connectors.declared.fhir.tables import FhirReadTable, FhirRowsTable
from connectors.declared.http.tables import MAX_READ_ROWS
from connectors.declared.key_patterns import build_form_check, compile_patterns
from connectors.declared.read_records import (
    KeyedRow,
    Read,
    all_or_failure,
    answer_keys,
    only_record,
    read_or_failure,
)
from connectors.declared.record_readers import PERSONAL_NUMBERS
from connectors.declared.tables import NotDeclarableError
from connectors.readers.rows import Row
from connectors.readers.unreadable import UnreadableError
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed

_MAX_BATCH_SIZE: Final = 50
"""Maximum number of keys in one call, unless the terms say it."""
_UNMATCHED: Final = "a resource for a key that was not requested"


def build_fhir_read(source: FhirSource, domain_read: DomainRead, table: FhirReadTable) -> Read:
    """Build one read. Raises `NotDeclarableError` if the search does not fit what the domain asks."""
    ask, is_known_form = _build_ask(source, domain_read, table), _build_form_check(domain_read, table)
    limit = min(table.max_concurrency, source.limits.max_concurrency)
    size = source.limits.max_batch_size or _MAX_BATCH_SIZE

    async def read(keys: Sequence[Any], call: Call) -> Answers[Any, Any]:
        async def ask_one(key: Any) -> Any:  # noqa: ANN401 - any key, any answer
            found = (await ask([key], call)).get(key)
            if isinstance(found, AgencyFailure):
                raise found
            return found

        known = [key for key in keys if is_known_form(key)]
        if not known:
            return {}
        if table.many == "single":
            return await fan_out(known, ask_one, limit=limit)
        return await ask_in_chunks(known, lambda some: ask(some, call), max_batch_size=size)

    return read


def _build_ask(source: FhirSource, domain_read: DomainRead, table: FhirReadTable) -> Read:
    """From the keys of one call to their answers. Raises `NotDeclarableError`."""
    place = f"reads.{domain_read.name}"
    key_type = list_key_parts(domain_read.key).get(KEY)
    if key_type is None or table.key_type != "text":
        raise NotDeclarableError(place, "a search is for keys that are texts; load a snapshot for queries")
    is_private = key_type in PERSONAL_NUMBERS
    if is_private and table.method == "GET":
        raise NotDeclarableError(f"{place}.method", "addresses stay in logs: numbers of people need POST")
    check_parameters(place, table, takes_key=True)
    steps = parse_path(f"{place}.key", table.key)
    answer = _Answers(source, domain_read, steps)
    check = _build_row_check(source, steps)
    searches = FhirSearches(source=source, table=table, max_rows=table.max_rows, check=check, is_private=is_private)

    async def ask(keys: Sequence[str], call: Call) -> Answers[str, Any]:
        if table.many != "batch" or len(keys) == 1:
            return await answer.build(keys, await searches.search(keys, call))
        found = await searches.search_each(keys, call)
        failed = {key: each for key, each in found.items() if isinstance(each, AgencyFailure)}
        rows = [row for each in found.values() if not isinstance(each, AgencyFailure) for row in each]
        return {**await answer.build([key for key in keys if key not in failed], rows), **failed}

    return ask


def fhir_rows_of(source: FhirSource, place: str, table: FhirRowsTable, _columns: frozenset[str]) -> RowSource:
    """Compile a table of all resources. Raises `NotDeclarableError`."""
    check_parameters(place, table, takes_key=False)
    return partial(FhirSearches(source=source, table=table, max_rows=MAX_READ_ROWS).stream, ())


def check_fhir_probe(domain_read: DomainRead, table: FhirReadTable, key: str) -> None:
    """Check that the read can be asked for the key of the probe. Raises `NotDeclarableError`."""
    if not _build_form_check(domain_read, table)(key):
        raise NotDeclarableError("probe.key", f"the read {domain_read.name} would not send it; see its key_pattern")


def _build_form_check(domain_read: DomainRead, table: FhirReadTable) -> Any:  # noqa: ANN401 - a function of a key
    patterns = compile_patterns(f"reads.{domain_read.name}", table, list_key_parts(domain_read.key))
    return build_form_check(patterns.select_checked({KEY}), excludes_commas=True)


def _build_row_check(source: FhirSource, steps: PathSteps) -> CheckRows:
    """A server that ignores a parameter gives resources about other keys, of which none may be used."""

    def check(keys: Sequence[str], rows: Sequence[Row]) -> None:
        wanted = frozenset(keys)
        if any(wanted.isdisjoint(find_texts(each, steps)) for each in rows):
            raise source.check.record_mismatch(_UNMATCHED)

    return check


class _Answers:
    """From resources to the answer for each key."""

    def __init__(self, source: FhirSource, domain_read: DomainRead, steps: PathSteps) -> None:
        reader = source.records.build(domain_read.name, domain_read.record)
        if reader.takes_key:
            name = domain_read.record.__name__
            raise NotDeclarableError(f"reads.{domain_read.name}", f"{name} takes {{key}}: name the path to it")
        self._source = source
        self._steps = steps
        self._is_list = domain_read.is_list
        self._read = partial(read_or_failure, source.agency, reader.read)
        self._choose = all_or_failure if domain_read.is_list else partial(only_record, source.check)

    async def build(self, keys: Sequence[str], rows: Sequence[Row]) -> Answers[str, Any]:
        """The answers; a resource that cannot be read is the failure of its key."""
        found: list[KeyedRow] = []
        read: list[Row] = []
        try:
            for row in rows:
                plain = {name: each for name, each in row.items() if name != CONTEXT}
                for key in set(keys).intersection(find_texts(row, self._steps)):
                    found.append((key, self._identify(key, row), plain))
                    read.append(row)
        except UnreadableError as error:
            raise AgencyMalformed(self._source.agency, str(error)) from None
        records = await self._source.driver.work.map(read, self._read)
        return answer_keys(self._source.check, records, found, keys, self._choose)

    def _identify(self, key: str, row: Row) -> str:
        """What a resource may be given for once: an appointment is in the lists of all who attend it."""
        return f"{key}/{row['id']}" if self._is_list else str(row["id"])
