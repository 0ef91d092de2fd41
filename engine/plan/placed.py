"""What of whom a run put in its answer: noted by shape, all records together, and told by subject when the run ends.

A plan without guarded fields notes nothing, and neither does a hub that records nothing. A field that failed or was
refused was not read.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from engine.kinds import Guarding, Leads
from engine.plan.faults import Fault
from engine.plan.keys import Keys
from engine.plan.tree import PlanField, Shape
from engine.reads import Read


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Fields of one shape that one guard stands before. Equal only to itself: most are those of the plan."""

    guard: Guarding
    fields: tuple[PlanField, ...]
    of_plan: bool = True
    """False for fewer fields than the plan's part has, because some failed in one answer."""


Groups = dict[Hashable, dict[Part, None]]
"""By subject: the fields that were answered, as parts of such as were answered together."""
Told = dict[tuple[Part, ...], tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]
"""By the parts that a subject's fields stand in: their names, agencies and classes. Kept with the plan."""
_MOST_TOLD = 50
"""What is kept of it: which of a plan's parts there are records in differs from answer to answer, but little."""


class Found(NamedTuple):
    """What was answered."""

    who: Hashable
    """Who asks, as a subject."""
    own: Groups
    """In records that are about who asks as well."""
    others: Groups

    def groups(self, about: Collection[Hashable]) -> Groups:
        """Where what was read of a record about these people belongs."""
        return self.own if self.who in about else self.others


_NOBODY = object()


def parts_of(shape: Shape) -> tuple[Part, ...]:
    """The guarded fields of a shape, by guard."""
    by_guard: dict[int, list[PlanField]] = {}
    for field in shape.fields:
        if not field.guard.is_public:
            by_guard.setdefault(id(field.guard), []).append(field)
    return tuple(Part(fields[0].guard, tuple(fields)) for fields in by_guard.values())


class Placed:
    """What one run put in place."""

    __slots__ = ("_led", "_shaped", "_told", "_who")

    def __init__(self, who: Hashable | None, told: Told) -> None:
        """Nothing yet. `who` is the person who asks, as guards name subjects; None for nobody whom data is about."""
        self._told = told
        self._who = _NOBODY if who is None else who
        self._shaped: list[tuple[Shape, Sequence[Any], Sequence[dict[str, Any]]]] = []
        self._led: list[tuple[Part, Keys]] = []

    def shaped(self, shape: Shape, records: Sequence[Any], answers: Sequence[dict[str, Any]]) -> None:
        """Records of a guarded shape were shaped."""
        self._shaped.append((shape, records, answers))

    def led(self, group: Sequence[PlanField], of: Keys) -> None:
        """Guarded fields of the root were asked for: there is no record, the keys are what they are about."""
        self._led.extend((field.alone, of) for field in group)

    def reads(self, faults: Iterable[Fault]) -> Sequence[Read]:
        """What stands in the answer, by subject."""
        if not self._shaped and not self._led:
            return ()
        failed: dict[tuple[int, int], set[tuple[int, ...]]] = {}
        for fault in faults:
            failed.setdefault((fault.field.number, id(fault.answer)), set()).add(fault.place)
        found = Found(self._who, {}, {})
        for shape, records, answers in self._shaped:
            for part in shape.guarded:
                if failed:
                    _add_carefully(found, part, records, answers, failed)
                else:
                    _add(found, part, records)
        for part, of in self._led:
            _add_keys(found, part, of, failed)
        return [*_told(found.own, self._told, own=True), *_told(found.others, self._told, own=False)]


def _add(found: Found, part: Part, records: Sequence[Any]) -> None:
    subjects_of = part.guard.subjects
    who, own, others = found
    before: object = None
    for record in records:
        about = subjects_of(record, None)
        if about is before:  # the members of one family card are all about the same people
            continue
        before = about
        groups = own if who in about else others
        for subject in about:
            parts = groups.get(subject)
            if parts is None:
                groups[subject] = {part: None}
            else:
                parts[part] = None


def _add_carefully(
    found: Found,
    part: Part,
    records: Sequence[Any],
    answers: Sequence[dict[str, Any]],
    failed: dict[tuple[int, int], set[tuple[int, ...]]],
) -> None:
    for record, answer in zip(records, answers, strict=True):
        fields = tuple(each for each in part.fields if () not in failed.get((each.number, id(answer)), ()))
        if fields:
            answered = part if fields == part.fields else Part(part.guard, fields, of_plan=False)
            about = part.guard.subjects(record, None)
            groups = found.groups(about)
            for subject in about:
                groups.setdefault(subject, {})[answered] = None


def _add_keys(found: Found, part: Part, of: Keys, failed: dict[tuple[int, int], set[tuple[int, ...]]]) -> None:
    (field,) = part.fields
    many = isinstance(field.kind, Leads) and field.kind.edge.many
    for key, answer in zip(of.keys, of.targets, strict=True):
        places = failed.get((field.number, id(answer)), set())
        if () in places:
            continue
        keys = [each for index, each in enumerate(key) if (index,) not in places] if many else [key]
        for each in keys:
            about = field.guard.subjects(None, each)
            groups = found.groups(about)
            for subject in about:
                groups.setdefault(subject, {})[part] = None


def _told(found: Groups, known: Told, *, own: bool) -> Sequence[Read]:
    reads = []
    for subject, parts in found.items():
        together = tuple(parts)
        said = known.get(together)
        if said is None:
            fields = [field for part in together for field in part.fields]
            names = tuple(sorted({field.name for field in fields}))
            agencies = tuple(sorted({agency for field in fields if (agency := agency_of(field)) is not None}))
            classes = tuple(sorted({of for field in fields if (of := field.guard.data_class) is not None}))
            said = names, agencies, classes
            if all(part.of_plan for part in together):
                if len(known) >= _MOST_TOLD:
                    known.clear()
                known[together] = said
        reads.append(Read(subject, *said, own))
    return reads


def agency_of(field: PlanField) -> str | None:
    """The agency that a field's value comes from; None where the hub knows it by itself."""
    if isinstance(field.kind, Leads):
        return field.kind.edge.batch.agency
    shape, over = field.parent, field.parent.parent
    while over is not None and not isinstance(over.kind, Leads):
        shape, over = over.parent, over.parent.parent
    if over is None or not isinstance(over.kind, Leads):
        return None
    edge = over.kind.edge
    return edge.batch.agency or edge.agencies.get(shape.type.name)
