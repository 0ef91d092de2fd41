"""The agencies of all cities, and the answers that their hand-written files `samples/<code>/expected.json` expect."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from enum import Enum
from typing import Any, cast, get_type_hints

from connectors.declared.domain_reads import DomainRead, list_reads
from connectors.declared.record_readers import PERSONAL_NUMBERS
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from resolvers.domains import find_domains
from sandbox.stand_ins.sources import EXPECTED, StandInSource
from settings.city.folder import DEFAULT_CITY
from tests.connectors.failures import make_call


@dataclass(frozen=True, kw_only=True)
class SampleCase:
    """One expected answer."""

    read: str
    key: Any
    """As JSON: a text, or the fields of a query."""
    answer: Any
    """As JSON: a record, a list of records, null for no record, or `{"failure": code}`."""
    calls: int | None = None
    """The calls that it costs alone, such as 0 for a key that no agency of this form can have."""

    @property
    def is_answered(self) -> bool:
        """Whether the agency has a record for the key."""
        return self.answer not in (None, []) and not (isinstance(self.answer, dict) and "failure" in self.answer)


def list_tested_agencies() -> Sequence[StandInSource]:
    """Every agency of every city for which answers are expected."""
    paths = sorted(DEFAULT_CITY.parent.glob(f"*/samples/*/{EXPECTED}"))
    return [StandInSource(path.parents[2], path.parent.name) for path in paths]


def load_cases(agency: StandInSource) -> Sequence[SampleCase]:
    """The expected answers of an agency."""
    return [SampleCase(**each) for each in json.loads((agency.samples / EXPECTED).read_text(encoding="utf-8"))]


def find_reads(agency: StandInSource) -> Mapping[str, DomainRead]:
    """The reads of the agency's domain."""
    return list_reads(find_domains()[agency.manifest["domain"]])


def parse_key(read: DomainRead, given: Any) -> Any:  # noqa: ANN401 - any key of a domain
    """The key of a case as the domain's type."""
    return read.key(**given) if isinstance(given, dict) else given


def is_of_person(read: DomainRead) -> bool:
    """Whether the key of a read is the number of a person or of a family."""
    return read.key in PERSONAL_NUMBERS


async def ask(connector: Any, read: DomainRead, keys: Sequence[Any], call: Call | None = None) -> list[Any]:  # noqa: ANN401 - any connector
    """The answers of one read as JSON, in the order of the keys; a failed call is the failure of each key."""
    parsed = [parse_key(read, each) for each in keys]
    try:
        found = await getattr(connector, read.name)(parsed, call or make_call())
    except AgencyFailure as failure:
        return [to_plain(failure) for _ in keys]
    return [to_plain(found.get(each)) for each in parsed]


def to_plain(value: object) -> Any:  # noqa: ANN401 - any JSON
    """An answer as JSON."""
    if isinstance(value, AgencyFailure):
        return {"failure": value.code}
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [to_plain(each) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: to_plain(getattr(value, each.name)) for each in fields(value)}
    return value


def list_record_fields(record: type[Any]) -> set[str]:
    """The names of all fields of a record, and of the records within it."""
    found: set[str] = set()
    for name, annotation in get_type_hints(record).items():
        found.add(name)
        if is_dataclass(annotation):
            found |= list_record_fields(cast("type[Any]", annotation))
    return found
