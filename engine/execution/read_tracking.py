"""Tracks the reads of a run: recorded by shape for all records together, and summarized by subject at the end.

A plan without guarded fields has no reads. A field that failed or was refused was not read.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence
from typing import Any, NamedTuple

from engine.agencies.agency_codes import AgencyCodes
from engine.agencies.routing_log import NO_ROUTING, RoutingLog
from engine.batch import Batch
from engine.execution.denied_fields import FieldError
from engine.execution.edge_keys import EdgeKeys
from engine.field_kinds import BatchField
from engine.plan.tree import GuardedPart, PlanField, ReadSummaries, ReadSummary, Shape
from records.calls.subject_reads import SubjectRead

SubjectParts = dict[Hashable, dict[GuardedPart, None]]
"""By subject: the answered fields, in parts that were answered together."""
Failures = dict[tuple[int, int], set[tuple[int, ...]]]
"""By the number of the field and the identity of the object: the places of its failures, the whole field as `()`."""
_MAX_SUMMARIES = 50
"""Summaries that a plan caches: its answers differ little in which parts have records."""


class TrackedReads(NamedTuple):
    """Answered parts, by subject."""

    reader: Hashable
    """The caller, as a subject."""
    own: SubjectParts
    """In records that are also about the caller."""
    others: SubjectParts

    def add(self, subjects: Collection[Hashable], part: GuardedPart) -> None:
        """Add a part of one record about these subjects."""
        groups = self.own if self.reader in subjects else self.others
        for subject in subjects:
            groups.setdefault(subject, {})[part] = None


_NO_PERSON = object()


class ReadTracker:
    """Collects what one run places in the answer."""

    __slots__ = ("_codes", "_reader", "_root_keys", "_routing_log", "_shaped", "_summaries")

    def __init__(
        self,
        reader: Hashable | None,
        summaries: ReadSummaries,
        codes: AgencyCodes,
        routing_log: RoutingLog = NO_ROUTING,
    ) -> None:
        """`reader` is the caller as guards name subjects; None if the caller is not a person."""
        self._routing_log = routing_log
        self._summaries = summaries
        self._codes = codes
        self._reader = _NO_PERSON if reader is None else reader
        self._shaped: list[tuple[Shape, Sequence[Any], Sequence[dict[str, Any]]]] = []
        self._root_keys: list[tuple[Sequence[PlanField], EdgeKeys]] = []

    def record_shape(self, shape: Shape, records: Sequence[Any], answers: Sequence[dict[str, Any]]) -> None:
        """Add shaped records of a guarded shape."""
        self._shaped.append((shape, records, answers))

    def record_keys(self, group: Sequence[PlanField], edge_keys: EdgeKeys) -> None:
        """Add requested guarded fields of the root. They have no parent record: their keys name the subjects."""
        self._root_keys.append((group, edge_keys))

    def build_reads(self, faults: Iterable[FieldError]) -> Sequence[SubjectRead]:
        """The reads of the answer, by subject."""
        if not self._shaped and not self._root_keys:
            return ()
        failed: Failures = {}
        for fault in faults:
            failed.setdefault((fault.field.number, id(fault.answer)), set()).add(fault.indices)
        of_reader: dict[GuardedPart, None] = {}
        found = TrackedReads(self._reader, {self._reader: of_reader}, {})
        self._add_all_records(found, of_reader, failed)
        for group, of in self._root_keys:
            # Most keys of a citizen are their own, too.
            is_own = not failed and of.keys == [self._reader]
            for field in group:
                if is_own and field.own_part is not None and field.own_part.is_of_key:
                    of_reader[field.own_part] = None
                else:
                    _add_keys(found, field, of, failed)
        if not of_reader:
            del found.own[self._reader]
        reads: list[SubjectRead] = []
        self._summarize(found.own, reads, is_own=True)
        if found.others:
            self._summarize(found.others, reads, is_own=False)
        return reads

    def _add_all_records(self, found: TrackedReads, of_reader: dict[GuardedPart, None], failed: Failures) -> None:
        own_only = {found.reader}
        for shape, records, answers in self._shaped:
            for part in shape.guarded_parts:
                if failed:
                    _add_records_with_errors(found, part, records, answers, failed)
                # Most records of a citizen are all their own: a tenth of the tracking less in Q4.
                elif part.get_subject is not None and set(map(part.get_subject, records)) == own_only:
                    of_reader[part] = None
                else:
                    _add_records(found, part, records)

    def _summarize(self, found: SubjectParts, reads: list[SubjectRead], *, is_own: bool) -> None:
        summaries = self._summaries
        for subject, parts in found.items():
            key = tuple(parts)
            summary = summaries.get(key)
            if summary is None:
                summary = _build_summary([field for part in key for field in part.fields], self._codes)
                if all(part.is_of_plan for part in key):
                    if len(summaries) >= _MAX_SUMMARIES:
                        summaries.clear()
                    summaries[key] = summary
            read = SubjectRead(subject, *summary, is_own)
            if self._codes.has_routes:
                domains = {each for part in key for field in part.fields for each in list_domains(field)}
                read = add_called_agencies(read, filter(self._codes.has_several, domains), self._routing_log)
            reads.append(read)


def _add_records(found: TrackedReads, part: GuardedPart, records: Sequence[Any]) -> None:
    if part.get_subject is None:
        for record in records:
            found.add(part.guard.get_read_subjects(record, None), part)
        return
    # Many records name few subjects. They are found in C, and each is added once. This, and one part for all guards
    # that name the same attribute, takes half of the tracking's bytecodes in Q4 (1,000 of 16,800 of the request).
    for named in dict.fromkeys(map(part.get_subject, records)):
        found.add((named,) if type(named) is not tuple else named or (None,), part)


def _add_records_with_errors(
    found: TrackedReads,
    part: GuardedPart,
    records: Sequence[Any],
    answers: Sequence[dict[str, Any]],
    failed: Failures,
) -> None:
    for record, answer in zip(records, answers, strict=True):
        fields = tuple(each for each in part.fields if () not in failed.get((each.number, id(answer)), ()))
        if fields:
            answered = part if fields == part.fields else GuardedPart(part.guard, fields, is_of_plan=False)
            found.add(part.guard.get_read_subjects(record, None), answered)


def _add_keys(found: TrackedReads, field: PlanField, edge_keys: EdgeKeys, failed: Failures) -> None:
    part = field.own_part
    if part is None:
        raise TypeError(f"{field!r} is no field of the root.")
    subjects_of, has_many_keys = field.guard.get_read_subjects, field.edge.has_many_keys
    if not failed and not has_many_keys:  # most answers, and one key, because the root is one object
        for key in edge_keys.keys:
            found.add(subjects_of(None, key), part)
        return
    for key, answer in zip(edge_keys.keys, edge_keys.targets, strict=True):
        places = failed.get((field.number, id(answer)), set())
        if () in places:
            continue
        keys = [each for index, each in enumerate(key) if (index,) not in places] if has_many_keys else [key]
        for each in keys:
            found.add(subjects_of(None, each), part)


def _build_summary(fields: Sequence[PlanField], codes: AgencyCodes) -> ReadSummary:
    """Names, agencies and data classes of the fields, each sorted."""
    domains = {each for field in fields for each in list_domains(field)}
    agencies = {agency for each in domains if (agency := codes.get(each)) is not None}
    classes = {of for field in fields if (of := field.guard.data_class) is not None}
    return tuple(sorted({field.name for field in fields})), tuple(sorted(agencies)), tuple(sorted(classes))


def add_called_agencies(read: SubjectRead, domains: Iterable[type[Any] | None], log: RoutingLog) -> SubjectRead:
    """The read with the agencies that were called about the subject, of domains that several agencies answer."""
    called = {code for domain in domains if domain is not None for code in log.list_called(domain, read.subject)}
    return read._replace(agencies=tuple(sorted({*read.agencies, *called})))


def list_domains(field: PlanField) -> Sequence[type[Any] | None]:
    """The domains that a field's value comes from, by the nearest batch above it; None for the hub itself."""
    batch = _find_batch(field)
    return (None,) if batch is None else (batch.domain, *(each.domain for each in batch.reads))


def _find_batch(field: PlanField) -> Batch[Any, Any] | None:
    if isinstance(field.kind, BatchField):
        return field.kind.edge.batch
    shape, over = field.parent, field.parent.parent
    while over is not None and not isinstance(over.kind, BatchField):
        shape, over = over.parent, over.parent.parent
    if over is None or not isinstance(over.kind, BatchField):
        return None
    edge = over.kind.edge
    found: Batch[Any, Any] = edge.batches_by_type.get(shape.type.name, edge.batch)
    return found
