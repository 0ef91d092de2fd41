"""The agencies of all cities, and the answers that their hand-written files `samples/<code>/expected.json` expect."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from enum import Enum
from itertools import groupby
from pathlib import Path
from typing import Any, Final, cast, get_type_hints

import msgspec

from connectors.declared.domain_reads import DomainRead, list_reads
from connectors.declared.record_readers import PERSONAL_NUMBERS
from records.calls.failures import AgencyFailure
from records.record import FILLED_BY_HUB
from resolvers.domains import find_domains
from sandbox.stand_ins.sources import EXPECTED, StandInSource, fill_days
from settings.city.folder import DEFAULT_CITY
from tests.connectors.failures import make_call

TEST_CITY: Final = "TEST_CITY"
"""The environment variable with a city folder outside the repository, whose agencies are tested, too."""
TEST_CITIES: Final = Path(__file__).parents[2] / "cities"
"""Cities of tests, with agencies whose drivers no other city has."""


@dataclass(frozen=True, kw_only=True)
class SampleCase:
    """One expected answer."""

    read: str
    key: Any
    """As JSON: a text, or the fields of a query."""
    answer: Any
    """As JSON: a record, a list of records, null for no record, or `{"failure": code}`."""
    facets: tuple[str, ...] = ()
    """The records that are asked for, if the read has facets."""
    calls: int | None = None
    """The calls that it costs alone, such as 0 for a key that no agency of this form can have."""

    @property
    def is_answered(self) -> bool:
        """Whether the agency has a record for the key."""
        has_failed = isinstance(self.answer, dict) and "failure" in self.answer
        return self.answer not in (None, [], {}) and not has_failed

    def matches(self, answer: object) -> bool:
        """Whether an answer, as JSON, is the expected one."""
        return bool(answer == self.answer)


def list_tested_agencies() -> Sequence[StandInSource]:
    """Every agency of every city for which answers are expected."""
    cities = [each for parent in (DEFAULT_CITY.parent, TEST_CITIES) for each in parent.glob("*")]
    cities += [Path(each).resolve() for each in (os.environ.get(TEST_CITY),) if each]
    paths = sorted(path for each in dict.fromkeys(cities) for path in each.glob(f"samples/*/{EXPECTED}"))
    return [StandInSource(path.parents[2], path.parent.name) for path in paths]


def is_copied(agency: StandInSource) -> bool:
    """Whether all reads are answered from snapshots."""
    reads = agency.manifest["reads"].values()
    return bool(reads) and all("snapshot" in each for each in reads)


def load_cases(agency: StandInSource) -> Sequence[SampleCase]:
    """The expected answers of an agency."""
    given = json.loads(fill_days((agency.samples / EXPECTED).read_text(encoding="utf-8")))
    return [SampleCase(**{**each, "facets": tuple(each.get("facets", ()))}) for each in given]


def group_cases(cases: Iterable[SampleCase]) -> Iterator[list[SampleCase]]:
    """The cases that one call can ask for."""
    ordered = sorted(cases, key=lambda each: (each.read, each.facets))
    return (list(group) for _, group in groupby(ordered, key=lambda each: (each.read, each.facets)))


def find_reads(agency: StandInSource) -> Mapping[str, DomainRead]:
    """The reads of its domain that the agency has."""
    every, lacks = list_reads(find_domains()[agency.manifest["domain"]]), agency.manifest.get("lacks", ())
    return {name: each for name, each in every.items() if name not in lacks}


def parse_key(read: DomainRead, given: Any) -> Any:  # noqa: ANN401 - any key of a domain
    """The key of a case as the domain's type."""
    return msgspec.convert(given, read.key) if isinstance(given, dict) else given


def is_of_person(read: DomainRead) -> bool:
    """Whether the key of a read is the number of a person or of a family."""
    return read.key in PERSONAL_NUMBERS


async def call_read(connector: Any, read: DomainRead, cases: Sequence[SampleCase]) -> Mapping[Any, Any]:  # noqa: ANN401 - any connector
    """The answers of the connector by key. Raises `AgencyFailure`."""
    keys = [parse_key(read, each.key) for each in cases]
    if not read.facets:
        return dict(await getattr(connector, read.name)(keys, make_call()))
    wanted = frozenset(each for each in read.facets if each.__name__ in cases[0].facets)
    return dict(await getattr(connector, read.name)(keys, wanted, make_call()))


async def ask(connector: Any, read: DomainRead, cases: Sequence[SampleCase]) -> list[Any]:  # noqa: ANN401 - any connector
    """The answers to cases of one read as JSON; a failed call is the failure of each key."""
    try:
        found = await call_read(connector, read, cases)
    except AgencyFailure as failure:
        return [to_plain(failure) for _ in cases]
    return [to_plain(found.get(parse_key(read, each.key))) for each in cases]


def to_plain(value: object) -> Any:  # noqa: ANN401 - any JSON
    """An answer as JSON."""
    if isinstance(value, AgencyFailure):
        return {"failure": value.code}
    if isinstance(value, Enum | date):
        return value.name if isinstance(value, Enum) else value.isoformat()
    if isinstance(value, list | tuple):
        return [to_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {key.__name__ if isinstance(key, type) else str(key): to_plain(each) for key, each in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {
            each.name: to_plain(getattr(value, each.name)) for each in fields(value) if each.name not in FILLED_BY_HUB
        }
    return value


def list_record_fields(record: type[Any]) -> set[str]:
    """The names of all fields of a record, and of the records within it."""
    found: set[str] = set()
    for name, annotation in get_type_hints(record).items():
        if name not in FILLED_BY_HUB:
            found.add(name)
        if is_dataclass(annotation):
            found |= list_record_fields(cast("type[Any]", annotation))
    return found
