"""Tries one read of one agency: asks it for a key, and shows how each value of its rows is read.

Personal values are masked unless they are asked for. A trial of an agency with personal data needs a name and a
purpose, and an entry in the access ledger is committed before anything is shown.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from enum import Enum
from pathlib import Path
from secrets import token_bytes, token_hex
from tempfile import TemporaryDirectory
from typing import Any, Final, get_type_hints

import msgspec

from auth.caller import Caller, CallerKind
from auth.crypto.snapshot_keys import SnapshotKeys
from auth.policy.declared_purpose import is_valid_purpose
from cli.command_error import CommandError
from connectors.connector_parts import list_snapshots
from connectors.declared.domain_reads import DomainRead, list_reads
from connectors.declared.driver_family import Driver
from connectors.declared.python_functions import split_optional
from connectors.declared.record_readers import PERSONAL_NUMBERS
from connectors.declared.row_observation import ObservedRow
from connectors.declared.snapshot.loader import SnapshotLoader
from connectors.declared.snapshot.process import BuildProcesses
from connectors.declared.snapshot.protection import CopyProtection, no_erasures
from connectors.drivers.long_work import LongWork
from connectors.regions import UnknownDistricts
from connectors.resilience.gate import Gate
from engine.reporting import ReadRecorder
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.calls.subject_reads import RequestInfo, SubjectRead, hash_document
from records.identifiers import Nik
from records.purposes import Purpose
from resolvers.domains import find_domains
from settings.city.manifest import ManifestFile
from wiring.agencies import BoundAgency, HubResources, bind_agency

_OPERATION: Final = "AgencyTrial"
_TIMEOUT: Final = 30.0
_LETTER: Final = re.compile(r"[^\W\d_]")
_DIGIT: Final = re.compile(r"\d")


class NoReporters:
    """A link table without entries: a trial finds only what the agency itself knows."""

    async def requests_of(self, niks: Sequence[Nik]) -> Mapping[Nik, Sequence[str]]:
        """No reports."""
        del niks
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedValue:
    """One value of one row."""

    row: int
    field: str
    columns: str
    value: str | None
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """What a trial found."""

    values: Sequence[TriedValue]
    outcome: str
    """`answered`, `no record`, or the failure with its reason."""
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether the agency answered. Problems are then of rows that the manifest leaves out."""
        return ":" not in self.outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyTrial:
    """One read of one agency, and who tries it."""

    manifest: ManifestFile
    read: str
    key: str
    shows: bool = False
    """Whether personal values are shown."""
    by: str | None = None
    purpose: str | None = None
    case: str | None = None

    @property
    def domain_read(self) -> DomainRead:
        """The read. Raises `CommandError`."""
        reads = list_reads(find_domains()[self.manifest.manifest.domain])
        if self.read in self.manifest.manifest.lacks:
            raise CommandError(f"the agency lacks the read '{self.read}': its manifest says so")
        if self.read not in reads:
            raise CommandError(f"'{self.read}' is not a read of the domain: choose one of {', '.join(reads)}")
        return reads[self.read]

    @property
    def is_personal(self) -> bool:
        """Whether the agency has data about people: a contract, or numbers of people in keys or records."""
        read = self.domain_read
        kinds = [read.key, *(kind for record in (read.facets or (read.record,)) for kind in _list_types(record))]
        return self.manifest.manifest.contract is not None or any(each in PERSONAL_NUMBERS for each in kinds)

    def check_purpose(self) -> None:
        """Raise `CommandError` unless a name and an agreed purpose are given, if personal data is read."""
        if not self.is_personal:
            return
        if self.by is None or self.purpose is None:
            raise CommandError("the agency has personal data: give your name (--by) and a purpose (--purpose)")
        contract = self.manifest.manifest.contract
        agreed = list(Purpose.__members__) if contract is None else [each.name for each in contract.purposes]
        if not is_valid_purpose(self.purpose) or self.purpose not in agreed:
            raise CommandError(f"--purpose: choose one of {', '.join(agreed)}")

    def parse_key(self) -> Any:  # noqa: ANN401 - any key of a domain
        """The key: a text, or JSON for a query. Raises `CommandError`."""
        wanted = self.domain_read.key
        if not is_dataclass(wanted):
            return self.key
        names = [each.name for each in fields(wanted)]
        try:
            given = json.loads(self.key)
            parsed = msgspec.convert(given, wanted)
        except (ValueError, msgspec.ValidationError):
            given, parsed = None, None
        if not isinstance(given, dict) or not given.keys() <= set(names):
            fix = f"write JSON with {', '.join(names)}, such as"
            raise CommandError(f'the key is a query: {fix} {{"search": "x"}}')
        return parsed


async def run_trial(trial: AgencyTrial, city: Path, recorder: ReadRecorder | None) -> TrialResult:
    """Ask the agency, record the read, and return what may be shown. Raises `CommandError` and `ManifestError`."""
    key, read, rows = trial.parse_key(), trial.domain_read, list[ObservedRow]()
    started = time.monotonic()
    outcome, answer = await ask_agency(trial, city, key, rows.append)
    if recorder is not None:
        await record_people(trial, recorder, [key, answer, rows])
    mask: Callable[[object], str | None] = _write if trial.shows or not trial.is_personal else _mask
    rows = list({repr(each): each for each in rows}.values())  # a list with incomplete rows is read twice
    values = list(_list_values(rows, mask)) if rows else list(_list_answer(answer, read, mask))
    return TrialResult(values=values, outcome=outcome, seconds=time.monotonic() - started)


async def ask_agency(
    trial: AgencyTrial,
    city: Path,
    key: object,
    observe: Callable[[ObservedRow], None],
    adapt_driver: Callable[[Driver], Driver] = lambda driver: driver,
) -> tuple[str, object]:
    """The outcome, `answered`, `no record` or a failure, and the answer of the connector. Raises `ManifestError`."""
    async with open_agency(trial.manifest, city, observe, adapt_driver) as bound:
        answer = await ask_read(bound, trial.domain_read, key)
    if isinstance(answer, AgencyFailure):
        return f"{answer.code}: {answer.detail or answer}", None
    return ("answered" if answer not in (None, (), []) else "no record"), answer


@asynccontextmanager
async def open_agency(
    manifest: ManifestFile,
    city: Path,
    observe: Callable[[ObservedRow], None],
    adapt_driver: Callable[[Driver], Driver] = lambda driver: driver,
) -> AsyncIterator[BoundAgency]:
    """Connect one agency, apart from any hub, with its snapshots loaded if they can be. Raises `ManifestError`."""
    terms = manifest.manifest.terms.with_defaults(deadline=_TIMEOUT, max_concurrency=1)
    gate = Gate(manifest.code, terms)
    async with AsyncExitStack() as stack:
        resources = HubResources(
            city=city,
            work=LongWork(),
            unknown_districts=UnknownDistricts(lambda _: True),
            complaint_links=NoReporters(),
            snapshot_folder=Path(stack.enter_context(TemporaryDirectory(prefix="simpul-"))),
            copy_protection=CopyProtection(keys=SnapshotKeys(token_bytes(32)), list_erased=no_erasures),
            observe_row=observe,
            adapt_driver=adapt_driver,
        )
        bound = bind_agency(manifest, gate, resources)
        stack.push_async_callback(bound.driver.close)
        stack.push_async_callback(gate.close)
        processes = await stack.enter_async_context(BuildProcesses())
        for each in list_snapshots(bound.connector):
            stack.callback(each.snapshot.close)
            loader = SnapshotLoader(each, on_published=_ignore, build=processes.build)
            await stack.enter_async_context(loader.running())
            await loader.wait_for_data()
        yield bound


async def ask_read(bound: BoundAgency, read: DomainRead, key: object) -> Any:  # noqa: ANN401 - any answer, or a failure
    """The answer of the connector for one key; None if it has no record, and a failure in place of its exception."""
    connector: Any = bound.connector
    call = Call(deadline=time.monotonic() + _TIMEOUT, request_id=f"try-{token_hex(4)}")
    arguments = ([key], frozenset(read.facets), call) if read.facets else ([key], call)
    try:
        return (await getattr(connector, read.name)(*arguments)).get(key)
    except AgencyFailure as failure:
        return failure


async def _ignore(agency: str) -> None:
    """A trial has no cached answers."""
    del agency


async def record_people(trial: AgencyTrial, recorder: ReadRecorder, seen: object) -> None:
    """Commit an entry for each person that the rows are about; for an unknown person, one without a subject."""
    if not trial.is_personal:
        return
    read = trial.domain_read
    found = sorted(set(_list_people(seen)))
    people: list[str | None] = [*found] if found else [trial.key if read.key is Nik else None]
    caller = Caller(kind=CallerKind.OPERATOR, subject=f"desk {trial.by}", purpose=trial.purpose, case=trial.case)
    request = RequestInfo(
        caller=caller, request_id=token_hex(16), operation=_OPERATION, document=hash_document(_OPERATION)
    )
    names = [f"{one.__name__}.{each.name}" for one in (read.facets or (read.record,)) for each in fields(one)]
    reads = [
        SubjectRead(subject=each, fields=tuple(names), agencies=(trial.manifest.code,), data_classes=("PERSONAL",))
        for each in people
    ]
    await recorder(request, reads)


def _list_people(value: object) -> Iterator[str]:
    """The numbers of people in answers and observed rows, by the types of their fields."""
    if isinstance(value, ObservedRow):
        hints = get_type_hints(value.record)
        yield from (
            str(each.value) for each in value.fields if each.value and split_optional(hints[each.name])[0] is Nik
        )
    elif isinstance(value, Mapping):
        yield from (person for each in value.values() for person in _list_people(each))
    elif isinstance(value, list | tuple):
        yield from (person for each in value for person in _list_people(each))
    elif is_dataclass(value) and not isinstance(value, type):
        hints = get_type_hints(type(value))
        for each in fields(value):
            held = getattr(value, each.name)
            if held and split_optional(hints[each.name])[0] is Nik:
                yield str(held)
            else:
                yield from _list_people(held)


def _list_types(record: type[Any]) -> Iterator[object]:
    for annotation in get_type_hints(record).values():
        yield split_optional(annotation)[0]


def _list_values(rows: Sequence[ObservedRow], mask: Callable[[object], str | None]) -> Iterator[TriedValue]:
    for number, row in enumerate(rows, start=1):
        for each in row.fields:
            yield TriedValue(
                row=number,
                field=f"{row.record.__name__}.{each.name}",
                columns=", ".join(each.columns),
                value=None if each.problem else mask(each.value),
                problem=each.problem,
            )


def _list_answer(answer: Any, read: DomainRead, mask: Callable[[object], str | None]) -> Iterator[TriedValue]:  # noqa: ANN401 - any answer
    """The fields of an answer of which no rows were seen: of a snapshot, or of a connector in Python."""
    records = list(answer.values()) if isinstance(answer, Mapping) else answer if read.is_list else [answer]
    for number, record in enumerate(records or (), start=1):
        for each in fields(record) if is_dataclass(record) else ():
            value = mask(getattr(record, each.name))
            name = f"{type(record).__name__}.{each.name}"
            yield TriedValue(row=number, field=name, columns="", value=value, problem=None)


def _write(value: object) -> str | None:
    if isinstance(value, Enum):
        return value.name
    return value.isoformat() if isinstance(value, date) else None if value is None else str(value)


def _mask(value: object) -> str | None:
    """The form of a value: letters are `x`, digits `9`. Words of a list and truth values only show their type."""
    if value is None:
        return None
    if isinstance(value, Enum | bool):
        return f"<{type(value).__name__}>"
    written = _write(value) or ""
    return _DIGIT.sub("9", _LETTER.sub("x", written))
