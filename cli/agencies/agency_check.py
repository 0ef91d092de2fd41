"""Checks one agency of any stage against its manifest: it answers, has the declared columns, and exact keys."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from cli.agencies.check_places import ManifestPlaces
from cli.agencies.graphql_check import check_graphql_schema
from cli.agencies.onboarding.services import list_resource_columns
from cli.agencies.trial import ask_read, open_agency
from connectors.connector_parts import list_snapshots
from connectors.declared.domain_reads import KEY, DomainRead, list_key_parts, list_reads
from connectors.declared.driver_families import DRIVER_FAMILIES
from connectors.declared.python_functions import split_optional
from connectors.declared.record_readers import PERSONAL_NUMBERS
from connectors.declared.row_observation import ObservedRow
from connectors.declared.snapshot.tables import SnapshotReadTable
from connectors.drivers.http.driver import HttpDriver
from engine.agencies.agency_codes import AgencyCodes
from records.calls.failures import AgencyFailure, AgencyRefused, AgencyTimeout, AgencyUnavailable
from resolvers.domains import find_domains
from schema.builder import build_schema, get_graphql_schema
from schema.tools.document_fields import list_coordinates
from settings.city.manifest import ManifestFile
from settings.city.problems import CityProblem
from wiring.agencies import BoundAgency
from wiring.statement_checks import explain_agency

_OK: Final = "ok"
_DEADLINE: Final = 10.0


class CheckStep(NamedTuple):
    """One step of the check."""

    check: str
    outcome: str
    """`ok`, a note in brackets, or a problem with its file, its line and what to do."""

    @property
    def is_good(self) -> bool:
        """Whether nothing must be changed."""
        return self.outcome == _OK or self.outcome.startswith("(")


async def check_agency(manifest: ManifestFile, city: Path) -> AsyncIterator[CheckStep]:
    """Check one agency by the key of its probe, and by lists about no person. Raises `ManifestError`."""
    if lost := list_lost_fields(manifest):
        yield CheckStep("lacks", f"(the graph does not have {', '.join(lost)}, unless another agency has them)")
    is_refused = False
    if manifest.manifest.wire.driver == "sql" and manifest.manifest.declared_tables is not None:
        async for step in _check_statements(manifest, city):
            is_refused = is_refused or not step.is_good
            yield step
    if not is_refused:
        rows: list[ObservedRow] = []
        async with open_agency(manifest, city, rows.append) as bound:
            async for step in _AgencyCheck(manifest, bound, rows).run():
                yield step


def list_lost_fields(manifest: ManifestFile) -> list[str]:
    """The fields that the graph does not have if this agency alone answers its domain."""
    domain, lacks = find_domains()[manifest.manifest.domain], manifest.manifest.lacks
    if not lacks:
        return []
    codes = {each: [manifest.code if each is domain else word] for word, each in find_domains().items()}
    whole, own = (
        list_coordinates(get_graphql_schema(build_schema(AgencyCodes(codes, each))))
        for each in ({}, {manifest.code: lacks})
    )
    return sorted(whole - own)


async def _check_statements(manifest: ManifestFile, city: Path) -> AsyncIterator[CheckStep]:
    found = False
    async for each in explain_agency(manifest, manifest.manifest.terms.with_defaults(deadline=_DEADLINE), city):
        found = True
        yield CheckStep("statements", str(each.problem) if each.is_error else f"({each.problem})")
    if not found:
        yield CheckStep("statements", _OK)


class _AgencyCheck:
    """Asks one agency."""

    def __init__(self, manifest: ManifestFile, bound: BoundAgency, rows: list[ObservedRow]) -> None:
        self._file = manifest
        self._manifest = manifest.manifest
        self._bound = bound
        self._rows = rows
        self._places = ManifestPlaces(manifest)
        self._is_reached = True
        every = list_reads(find_domains()[self._manifest.domain])
        is_of_protocol = DRIVER_FAMILIES[self._manifest.wire.driver].domain_reads is not None
        self._reads = {name: each for name, each in every.items() if is_of_protocol or name in self._manifest.reads}

    async def run(self) -> AsyncIterator[CheckStep]:
        async for step in self._check_portal():
            yield step
        async for step in self._check_schema():
            yield step
        is_loaded = True
        for step in self._check_snapshots():
            is_loaded = is_loaded and step.is_good
            yield step
        if not is_loaded:
            return
        async for step in self._check_reads():
            yield step
        if not self._rows and not list_snapshots(self._bound.connector) and self._is_reached:
            yield CheckStep("columns", "(no row was seen: see columns with `simpul agencies try`)")
        elif self._rows:
            for step in list_steps("columns", list(self._places.judge_rows(self._rows))):
                yield step
            for each in self._places.list_missing(self._rows):
                yield CheckStep("columns", f"({each})")

    async def _check_portal(self) -> AsyncIterator[CheckStep]:
        driver = self._bound.driver
        if self._manifest.wire.driver != "ckan" or not isinstance(driver, HttpDriver):
            return
        problems: list[CityProblem] = []
        for resource, columns in self._places.list_resources(self._reads).items():
            try:
                names = await list_resource_columns(driver, resource)
            except AgencyFailure as failure:
                read = next(iter(self._reads.values()))
                problems.append(self._places.explain_failure(read, failure))
                continue
            missing = [(place, each) for place, each in columns if names and each not in {*names, "_id"}]
            problems += [self._places.locate_column(place, each, names) for place, each in missing]
        for step in list_steps("columns of the portal", problems):
            yield step

    async def _check_schema(self) -> AsyncIterator[CheckStep]:
        driver = self._bound.driver
        if self._manifest.wire.driver != "graphql" or not isinstance(driver, HttpDriver):
            return
        try:
            problems = await check_graphql_schema(self._file, driver)
        except AgencyFailure as failure:
            problems = [self._places.explain_failure(next(iter(self._reads.values())), failure)]
        for step in list_steps("schema", problems):
            yield step

    def _check_snapshots(self) -> Iterator[CheckStep]:
        for each in list_snapshots(self._bound.connector):
            status = each.snapshot.get_status()
            name = f"snapshot {status.name}"
            if status.facts is None:
                problem = status.problem or "it could not be loaded"
                yield CheckStep(name, str(self._places.locate_text(f"snapshots.{status.name}.rows", problem)))
            else:
                yield CheckStep(name, f"({status.facts.rows} rows of {status.facts.as_of:%Y-%m-%d %H:%M})")

    async def _check_reads(self) -> AsyncIterator[CheckStep]:
        """The read of the probe, then those that need no number of a person."""
        probe, answers = self._manifest.probe, dict[str, Any]()
        if probe is not None:
            read = self._reads[probe.read]
            key = probe.parse_key(read)
            answers[probe.read] = answer = await ask_read(self._bound, read, key)
            yield self._judge("probe", read, key, answer)
            if isinstance(answer, AgencyTimeout | AgencyUnavailable | AgencyRefused):
                self._is_reached = False
                return
            is_local = isinstance(self._manifest.reads[probe.read], SnapshotReadTable)
            if not is_local and not isinstance(answer, AgencyFailure) and answer and isinstance(key, str):
                yield CheckStep("keys", await self._judge_keys(read, key))
        if self._manifest.contract is not None or any(map(_is_personal, self._reads.values())):
            return
        for name, read in sorted(self._reads.items(), key=lambda each: list_key_parts(each[1].key).keys() == {KEY}):
            if name not in answers and (key := self._find_key(read, answers)) is not None:
                answers[name] = answer = await ask_read(self._bound, read, key)
                yield self._judge(f"read {name}", read, key, answer)

    def _judge(self, check: str, read: DomainRead, key: object, answer: object) -> CheckStep:
        if isinstance(answer, AgencyFailure):
            return CheckStep(check, str(self._places.explain_failure(read, answer)))
        return CheckStep(check, _OK if answer else f"(no record for the key {key!r}: try one that the agency has)")

    def _find_key(self, read: DomainRead, answers: Mapping[str, Any]) -> object:
        """A key for a read: an empty search, or the identifier of a record in an earlier answer; None without one."""
        if is_dataclass(read.key):
            parts = list_key_parts(read.key)
            given: dict[str, Any] = {name: None for name, each in parts.items() if split_optional(each)[1]}
            given |= {"search": "", "first": 1}
            wanted = {each.name for each in fields(read.key) if each.default is MISSING}
            kind: Any = read.key
            return kind(**{name: given[name] for name in wanted}) if wanted <= given.keys() else None
        parameter = next(each for each in inspect.signature(self._find_method(read)).parameters if each != "self")
        record = read.record.__name__ if parameter == "ids" else parameter.removesuffix("_ids").replace("_", "")
        for each in answers.values():
            listed = each if isinstance(each, list | tuple) else getattr(each, "records", (each,))
            for found in listed:
                if type(found).__name__.lower() == record.lower():
                    return getattr(found, "id", None) or getattr(found, "code", None)
        return None

    def _find_method(self, read: DomainRead) -> Any:  # noqa: ANN401 - a function of the protocol
        return getattr(find_domains()[self._manifest.domain], read.name)

    async def _judge_keys(self, read: DomainRead, key: str) -> str:
        """Whether keys that only resemble the probe's have no record: databases may compare them loosely."""
        count = len(self._rows)
        for each in _list_similar(key):
            answer = await ask_read(self._bound, read, each)
            if answer and not isinstance(answer, AgencyFailure):
                text = f"'{each}' has the record of '{key}': compare keys exactly"
                return str(self._file.locate(f"reads.{read.name}.key", text))
        del self._rows[count:]
        return _OK


def list_steps(check: str, problems: Sequence[CityProblem]) -> list[CheckStep]:
    """A step for each problem, or one that there is none."""
    return [CheckStep(check, str(each)) for each in problems] or [CheckStep(check, _OK)]


def _is_personal(read: DomainRead) -> bool:
    return any(each in PERSONAL_NUMBERS for each in list_key_parts(read.key).values())


def _list_similar(key: str) -> Iterator[str]:
    yield from (f"{key} ", f"{key}abc", f"0{key}", f"{key}.0")
    yield from {key.upper(), key.lower(), key.swapcase()} - {key}
