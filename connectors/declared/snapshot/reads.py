"""Declared reads that a snapshot answers: by key, lists by key, and queries with text, place and pages."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from sqlite3 import Connection
from typing import Any, Final

import msgspec

from connectors.declared.domain_reads import KEY, DomainRead, find_plain_type, list_key_parts
from connectors.declared.python_functions import split_optional
from connectors.declared.read_records import Read
from connectors.declared.snapshot.conditions import (
    AddCondition,
    Statement,
    after_id,
    containing,
    equal_to,
    inside_region,
    list_circles,
    near_point,
)
from connectors.declared.snapshot.file import SnapshotFile, fetch_text
from connectors.declared.snapshot.layout import to_column
from connectors.declared.snapshot.sealed_rows import build_sealed_find
from connectors.declared.snapshot.snapshot import Snapshot
from connectors.declared.snapshot.tables import SnapshotReadTable
from connectors.declared.tables import NotDeclarableError
from records.calls.answers import CountedList, DatedAnswers
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed
from records.description import get_field_types
from records.identifiers import RegionCode
from records.regions import Near

MAX_LISTED: Final = 3_000
"""Records of one list without pages."""
MAX_PAGE: Final = 1_000
_KEYS_HERE: Final = 32
"""Keys that are looked up on the event loop, at some 20 microseconds each."""
_SEARCH, _NEAR, _FIRST, _AFTER = "search", "near", "first", "after"

FindRecords = Callable[[Connection, Any], Any]
"""From a connection and a key to the answer for the key."""


def find_read_fields(domain_read: DomainRead, table: SnapshotReadTable) -> Mapping[str, str]:
    """The field of the record that each part of the key is compared with. Raises `NotDeclarableError`."""
    place = f"reads.{domain_read.name}"
    parts = list_key_parts(domain_read.key)
    given = {KEY: table.key} if isinstance(table.key, str) else dict(table.key or {})
    if unknown := sorted(given.keys() - parts.keys()):
        raise NotDeclarableError(f"{place}.key", f"the key has no part '{unknown[0]}'; it has {', '.join(parts)}")
    if parts.keys() == {KEY} and not given:
        raise NotDeclarableError(place, 'name the field that equals the key: key = "id"')
    hints = get_field_types(domain_read.record)
    paged = domain_read.is_list
    special = {_SEARCH: bool(table.search), _NEAR: table.near is not None, _FIRST: paged, _AFTER: paged}
    found = {}
    for part, type_ in parts.items():
        if special.get(part, False):
            _require_type(place, part, type_)
            continue
        field = given.get(part, part)
        if field not in hints:
            fix = f"declare {part}" if part in special else f'write key = {{ {part} = "field" }}'
            raise NotDeclarableError(place, f"the answer would not depend on '{part}': {fix}")
        if _to_single(hints[field]) != _to_single(type_):
            raise NotDeclarableError(place, f"'{part}' has another type than the field '{field}'")
        found[part] = field
    for name, line in ((_SEARCH, table.search), (_NEAR, table.near)):
        if line and name not in parts:
            raise NotDeclarableError(f"{place}.{name}", f"the domain's key has no part '{name}'; remove the line")
    return found


def _require_type(place: str, part: str, type_: object) -> None:
    wanted = {_SEARCH: str, _NEAR: Near, _FIRST: int, _AFTER: str}[part]
    if split_optional(type_)[0] is not wanted:
        raise NotDeclarableError(place, f"'{part}' of the domain's key is not a {wanted.__name__}; use another source")


def _to_single(annotation: object) -> object:
    """A type without None and without a tuple around it; names of plain types are those types."""
    single = split_optional(annotation)[0]
    if getattr(single, "__origin__", None) is tuple:
        single = single.__args__[0]
    return single if single is RegionCode else find_plain_type(single)


def build_snapshot_read(snapshot: Snapshot, domain_read: DomainRead, table: SnapshotReadTable) -> Read:
    """Build one read. Raises `NotDeclarableError` if it does not fit what the domain asks."""
    fields = find_read_fields(domain_read, table)
    if KEY in fields:
        if snapshot.layout.is_personal:
            return _build_sealed_read(snapshot, domain_read, fields[KEY])
        is_list = domain_read.is_list
        return (_build_list_read if is_list else _build_single_read)(snapshot, domain_read, fields[KEY])
    if not domain_read.is_list:
        raise NotDeclarableError(
            f"reads.{domain_read.name}", "a snapshot answers a query with a list; use another source"
        )
    return _build_query_read(snapshot, domain_read, _list_conditions(domain_read, table, fields))


def _list_conditions(
    domain_read: DomainRead, table: SnapshotReadTable, fields: Mapping[str, str]
) -> Mapping[str, AddCondition]:
    hints = get_field_types(domain_read.record)
    found: dict[str, AddCondition] = {part: _choose(hints, field) for part, field in fields.items()}
    parts = list_key_parts(domain_read.key)
    if table.search:
        found[_SEARCH] = containing(table.search)
    if table.near:
        found[_NEAR] = near_point
    if _AFTER in parts and _AFTER not in fields:
        found[_AFTER] = after_id
    return found


def _choose(hints: Mapping[str, Any], field: str) -> AddCondition:
    return inside_region(field) if split_optional(hints[field])[0] is RegionCode else equal_to(field)


def _build_single_read(snapshot: Snapshot, domain_read: DomainRead, field: str) -> Read:
    column = "id" if snapshot.layout.id == (field,) else f'"key_{field}"'
    statement = (
        f"SELECT '[' || coalesce(group_concat('[' || json_quote({column}) || ',' || body || ']', ','), '') || ']'"  # noqa: S608 - names of fields
        f" FROM rows WHERE {column} IN (SELECT value FROM json_each(?))"
    )
    decode = msgspec.json.Decoder(list[tuple[str | int | float, domain_read.record]]).decode  # type: ignore[name-defined]  # a type of the domain

    async def read(keys: Sequence[Any], call: Call) -> DatedAnswers[Any, Any]:
        file = snapshot.open_current()
        by_column = {to_column(key): key for key in keys}

        def query(connection: Connection) -> str | None:
            return fetch_text(connection, statement, [json.dumps(list(by_column))])

        found = snapshot.ask_here(file, query) if len(keys) <= _KEYS_HERE else await snapshot.ask(file, query, call)
        answers: dict[Any, Any] = {}
        for value, record in decode(found or "[]"):
            key = by_column[value]
            answers[key] = (
                record
                if key not in answers
                else AgencyMalformed(snapshot.agency, "several records for a key that has one")
            )
        return _date(snapshot, file, answers)

    return read


def _build_sealed_read(snapshot: Snapshot, domain_read: DomainRead, field: str) -> Read:
    limit = MAX_LISTED if domain_read.is_list else 1
    find = build_sealed_find(snapshot.agency, snapshot.layout, domain_read, field, limit)

    def to_answer(records: Sequence[Any] | AgencyFailure) -> Any:  # noqa: ANN401 - any record of a domain
        if isinstance(records, AgencyFailure):
            return records
        if len(records) > limit:
            return AgencyMalformed(snapshot.agency, f"more than {limit} records for one key")
        return tuple(records) if domain_read.is_list else records[0]

    async def read(keys: Sequence[Any], call: Call) -> DatedAnswers[Any, Any]:
        file = snapshot.open_current()

        def query(connection: Connection) -> Mapping[Any, Sequence[Any] | AgencyFailure]:
            return {key: find(key, file.keys, connection) for key in keys}

        is_short = len(keys) <= _KEYS_HERE and not domain_read.is_list
        found = snapshot.ask_here(file, query) if is_short else await snapshot.ask(file, query, call)
        return _date(snapshot, file, {key: to_answer(each) for key, each in found.items() if each})

    return read


def _build_list_read(snapshot: Snapshot, domain_read: DomainRead, field: str) -> Read:
    condition = _choose(get_field_types(domain_read.record), field)

    def build(key: object) -> Statement:
        statement = Statement()
        condition(statement, key)
        return statement

    return _build_lists(snapshot, domain_read, build, lambda _: None)


def _build_query_read(snapshot: Snapshot, domain_read: DomainRead, conditions: Mapping[str, AddCondition]) -> Read:
    parts = list_key_parts(domain_read.key)
    # The place comes last, because its order replaces the order of ids.
    ordered = sorted(conditions.items(), key=lambda each: each[0] == _NEAR)

    def build(query: object) -> Statement:
        statement = Statement()
        for part, add in ordered:
            add(statement, getattr(query, part))
        return statement

    def find_limit(query: Any) -> int | None:  # noqa: ANN401 - a query of the domain
        return query.first if _FIRST in parts else None

    def widen(query: Any) -> Sequence[Any]:  # noqa: ANN401 - a query of the domain
        if _NEAR not in conditions or query.near is None or find_limit(query) is None:
            return (query,)
        return [replace(query, near=each) for each in list_circles(query.near)]

    def count(query: Any, connection: Connection) -> int | None:  # noqa: ANN401 - a query of the domain
        """The number of all records of a query with pages; near a point, it would cost a search of the whole circle."""
        if find_limit(query) is None or getattr(query, _NEAR, None) is not None:
            return None
        whole = build(replace(query, **{_AFTER: None})) if _AFTER in conditions else build(query)
        return 0 if whole.is_empty else int(fetch_text(connection, *whole.write_count()) or 0)

    return _build_lists(snapshot, domain_read, build, find_limit, widen=widen, count=count)


def _build_lists(
    snapshot: Snapshot,
    domain_read: DomainRead,
    build: Callable[[Any], Statement],
    find_limit: Callable[[Any], int | None],
    *,
    widen: Callable[[Any], Sequence[Any]] = lambda key: (key,),
    count: Callable[[Any, Connection], int | None] = lambda _key, _connection: None,
) -> Callable[[Sequence[Any], Call], Awaitable[DatedAnswers[Any, Any]]]:
    decode = msgspec.json.Decoder(tuple[domain_read.record, ...]).decode  # type: ignore[name-defined]  # a type of the domain

    def find(key: Any, connection: Connection) -> Sequence[Any] | AgencyFailure:  # noqa: ANN401 - any key of a domain
        limit = find_limit(key)
        wanted = MAX_LISTED + 1 if limit is None else min(max(limit, 0), MAX_PAGE)
        records: Sequence[Any] = ()
        for each in widen(key):
            statement = build(each)
            if statement.is_empty or not wanted:
                break
            text, values = statement.write(limit=wanted)
            records = decode(fetch_text(connection, text, values) or "[]")
            if len(records) == wanted:
                break
        if len(records) > MAX_LISTED:
            return AgencyMalformed(snapshot.agency, f"more than {MAX_LISTED} records for one key")
        total = count(key, connection)
        return records if total is None else CountedList.build(records, total)

    async def read(keys: Sequence[Any], call: Call) -> DatedAnswers[Any, Any]:
        file = snapshot.open_current()
        found = await snapshot.ask(file, lambda connection: {key: find(key, connection) for key in keys}, call)
        return _date(
            snapshot, file, {key: each for key, each in found.items() if each or isinstance(each, CountedList)}
        )

    return read


def _date(snapshot: Snapshot, file: SnapshotFile, answers: Mapping[Any, Any]) -> DatedAnswers[Any, Any]:
    return DatedAnswers(answers, as_of=file.facts.as_of, max_age=snapshot.table.max_age, fresh=snapshot.table.every)
