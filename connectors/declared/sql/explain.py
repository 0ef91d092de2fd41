"""Checks declared statements against the live database: columns that it does not have, and tables read completely."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, Protocol, get_args, get_origin, get_type_hints

from sqlglot import exp

from connectors.batching.row_check import RowCheck
from connectors.declared.column_syntax import FLAT_COLUMNS
from connectors.declared.domain_reads import KEY, DomainRead, find_plain_type, list_key_parts, list_reads
from connectors.declared.driver_family import NO_CALL_LIMITS, HubValues, Source
from connectors.declared.python_functions import split_optional
from connectors.declared.record_readers import RecordReaders
from connectors.declared.sql.reads import build_sql_read
from connectors.declared.sql.statements import KEYS, SqlSelect, parse_statement
from connectors.declared.sql.tables import SqlReadTable
from connectors.declared.tables import ReadTable, RecordTable
from connectors.declared.trouble import NoResultCodes
from connectors.drivers.sql.connections import Row
from connectors.drivers.sql.driver import SqlDriver
from connectors.resilience.gate import NoGate
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.identifiers import RegionCode

_NUMBER_KEY: Final = "1"
_TEXT_KEY: Final = "0000000000000000"
_SAMPLES: Final[Mapping[object, object]] = MappingProxyType(
    {
        RegionCode: RegionCode("31"),
        str: "1",
        int: 1,
        bool: True,
        date: date(2026, 1, 1),
        datetime: datetime(2026, 1, 1, tzinfo=UTC),
    }
)


class DeclaredReads(Protocol):
    """The tables of a manifest whose statements are checked."""

    @property
    def reads(self) -> Mapping[str, ReadTable]:
        """The declared reads."""

    @property
    def records(self) -> Mapping[str, RecordTable]:
        """The declared records."""


@dataclass(frozen=True, slots=True)
class StatementFinding:
    """What is wrong with a statement, beside its database."""

    place: str
    """The path of a key in the manifest: `records.Msme.owner`."""
    problem: str
    is_error: bool
    """Whether the read fails; else it is slow."""


async def explain_statements(
    driver: SqlDriver, tables: DeclaredReads, domain: type[Any], hub: HubValues, call: Call
) -> AsyncIterator[StatementFinding]:
    """Let the database plan each declared statement; nothing of it is run.

    The driver has one session. A read with filters is planned without any, and with each one.

    Raises:
        AgencyFailure: The database does not answer.
        NotDeclarableError: A read cannot be compiled.

    """
    await driver.rows(driver.dialect.explain_session or "SELECT 1", {}, call)
    for name, domain_read in list_reads(domain).items():
        table = tables.reads.get(name)
        if isinstance(table, SqlReadTable):
            for finding in await _explain_read(driver, domain_read, table, _Compiled(tables.records, hub), call):
                yield finding


@dataclass(frozen=True, slots=True)
class _Compiled:
    records: Mapping[str, RecordTable]
    hub: HubValues


class _AskedStatements(SqlDriver):
    """Keeps the statements of reads, and asks nothing."""

    def __init__(self, driver: SqlDriver) -> None:
        self.agency, self.dialect, self.work = driver.agency, driver.dialect, driver.work
        self._gate = NoGate()
        self.asked: dict[str, tuple[Mapping[str, object], Collection[str]]] = {}

    async def rows(
        self,
        statement: str,
        parameters: Mapping[str, object],
        call: Call,
        *,
        lists: Collection[str] = (),
        **_: Any,  # noqa: ANN401 - whatever a read gives
    ) -> Sequence[Row]:
        """Keep the statement with its parameters."""
        del call
        self.asked.setdefault(statement, (parameters, lists))
        return ()


async def _explain_read(
    driver: SqlDriver, domain_read: DomainRead, table: SqlReadTable, compiled: _Compiled, call: Call
) -> Sequence[StatementFinding]:
    asked = _AskedStatements(driver)
    records = RecordReaders(compiled.records, columns=FLAT_COLUMNS)
    source: Source[SqlDriver] = Source(
        agency=driver.agency,
        driver=asked,
        check=RowCheck(driver.agency, driver.counts),
        records=records,
        columns=FLAT_COLUMNS,
        codes=NoResultCodes(),
        limits=NO_CALL_LIMITS,
        hub=compiled.hub,
    )
    read: Any = build_sql_read(source, domain_read, table)
    for given in _list_samples(domain_read, table):
        await read(*given, call)
    place = f"reads.{domain_read.name}.statement"
    scanned: dict[str, None] = {}
    for statement, (parameters, lists) in asked.asked.items():
        try:
            rows = await driver.rows(f"{driver.dialect.explain} {statement}", parameters, call, lists=lists)
        except AgencyFailure as failure:
            await driver.rows("SELECT 1", {}, call)  # the database answers; it refuses this statement
            used = () if list_key_parts(domain_read.key).keys() != {KEY} else (KEYS,)
            select = parse_statement(place, table.statement, driver.dialect, (), parameters=used)
            return await _find_refused(driver, select, records, failure, call)
        scanned |= dict.fromkeys(driver.dialect.find_scans(rows, " LIMIT " in statement))
    return [
        StatementFinding(place, f"it reads the whole table '{each}': create an index", is_error=False)
        for each in scanned
    ]


async def _find_refused(
    driver: SqlDriver, select: SqlSelect, records: RecordReaders, failure: AgencyFailure, call: Call
) -> Sequence[StatementFinding]:
    """The columns that the database does not have: each is planned alone, because messages of servers are not shown."""
    columns = select.query.named_selects if isinstance(select.query, exp.Select) else []
    missing = [each for each in columns if not await _is_selectable(driver, select.select({each}), call)]
    if not missing or len(missing) == len(columns):
        problem = (
            f"the database refuses it: {failure.detail}. Does it have every table, and every column of conditions?"
        )
        return [StatementFinding(select.place, problem, is_error=True)]
    found = []
    for column in missing:
        places = [
            f"records.{record}.{name}"
            for record, table in records.built.items()
            for name, field in table.items()
            if column in field.columns
        ]
        found += [
            StatementFinding(place, f"the database has no column '{column}' for {select.place}", is_error=True)
            for place in places or [select.place]
        ]
    return found


async def _is_selectable(driver: SqlDriver, select: SqlSelect, call: Call) -> bool:
    keys = {each.name for each in select.query.find_all(exp.Placeholder)}
    values = {each: [_TEXT_KEY] for each in keys}
    lists = () if driver.dialect.takes_arrays else tuple(keys)
    try:
        await driver.rows(f"{driver.dialect.explain} {select.render(exact=False)}", values, call, lists=lists)
    except AgencyFailure:
        return False
    return True


def _list_samples(domain_read: DomainRead, table: SqlReadTable) -> Iterator[tuple[Any, ...]]:
    """Arguments of a read: for each statement that it can send, one."""
    parts = list_key_parts(domain_read.key)
    if parts.keys() == {KEY}:
        keys = [_NUMBER_KEY if table.key_type == "number" else _TEXT_KEY]
        yield from ([(keys, frozenset(domain_read.facets))] if domain_read.facets else [(keys,)])
        return
    for chosen in (None, *(each for each in parts if each != "first")):
        yield ([_build_query(domain_read.key, chosen)],)


def _build_query(query: Any, chosen: str | None) -> Any:  # noqa: ANN401 - a query of the domain
    hints = get_type_hints(query)
    values = {name: _build_sample(hint) if name == chosen else _build_empty(hint) for name, hint in hints.items()}
    return query(**values)


def _build_empty(hint: object) -> object:
    single, is_optional = split_optional(hint)
    if is_optional:
        return None
    return {tuple: (), str: "", int: 1}.get(get_origin(single) or single)


def _build_sample(hint: object) -> Any:  # noqa: ANN401 - a value of the type
    single = split_optional(hint)[0]
    if get_origin(single) is tuple:
        return (_build_sample(get_args(single)[0]),)
    if isinstance(single, type) and issubclass(single, Enum):
        return next(iter(single))
    if isinstance(single, type) and is_dataclass(single):
        hints = get_type_hints(single)
        return single(**{each.name: _build_sample(hints[each.name]) for each in fields(single)})
    return _SAMPLES.get(single) or _SAMPLES.get(find_plain_type(single))
