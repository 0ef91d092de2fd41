"""The subjects of reads: found for all records together by an attribute, as the guard finds them one by one."""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

import pytest

from auth.policy.rules import Access, Rule
from engine.agencies.agency_codes import ANY_AGENCIES
from engine.execution.denied_fields import FieldError
from engine.execution.edge_keys import EdgeKeys
from engine.execution.read_tracking import ReadTracker
from engine.plan.tree import GuardedPart, build_guarded_parts
from records.calls.subject_reads import SubjectRead
from resolvers.hub.data_preferences import preferences_of
from schema.declarations.guards import Guard
from tests.fakes.small_records import AYU, BUDI, SITI

PERSONAL, PUBLIC = Access(Rule.SELF), Access(Rule.PUBLIC)
GUARD = Guard(access=PERSONAL, subject="nik")
CARD = (SITI, AYU)
RECORDS = [
    SimpleNamespace(nik=each)
    for each in (SITI, BUDI, "".join(SITI), CARD, CARD, None, (BUDI,), (), (AYU, BUDI), (None,), SITI)
]


def build_field(name: str, guard: Guard, number: int = 0) -> Any:  # noqa: ANN401 - what a tracker reads of a field
    return SimpleNamespace(
        name=name,
        guard=guard,
        number=number,
        is_public=guard.is_public,
        kind=None,
        parent=SimpleNamespace(parent=None),
    )


def track(records: list[SimpleNamespace], *parts: GuardedPart, reader: str | None = SITI) -> list[SubjectRead]:
    tracker = ReadTracker(reader, {}, ANY_AGENCIES)
    shape: Any = SimpleNamespace(guarded_parts=parts)
    tracker.record_shape(shape, records, [{} for _ in records])
    return list(tracker.build_reads(()))


@pytest.mark.parametrize("reader", [SITI, BUDI, "3171000000000000", None])
def test_an_attribute_names_the_subjects_that_the_guard_names(reader: str | None) -> None:
    fields = (build_field("Bill.due", GUARD),)
    one_by_one, together = GuardedPart(GUARD, fields), GuardedPart(GUARD, fields, attrgetter("nik"))
    for start in range(len(RECORDS)):
        for end in range(start + 1, len(RECORDS) + 1):
            some = RECORDS[start:end]
            assert track(some, together, reader=reader) == track(some, one_by_one, reader=reader), some
    assert {(each.subject, each.is_own) for each in track(RECORDS, together)} == {
        (SITI, True),
        (AYU, True),
        (BUDI, False),
        (AYU, False),
        (None, False),
    }


def test_only_guards_that_need_nothing_else_of_the_record_name_an_attribute() -> None:
    assert GUARD.read_subject == "nik"
    assert Guard(access=PERSONAL).read_subject is None
    assert Guard(access=PERSONAL, subject="nik", public_when="is_public").read_subject is None
    assert Guard(access=PERSONAL, subject="nik", is_keyed=True).read_subject is None


def track_key(field: Any, key: object, *, reader: str | None, fails: bool) -> list[SubjectRead]:  # noqa: ANN401 - as above
    tracker = ReadTracker(reader, {}, ANY_AGENCIES)
    answer: dict[str, Any] = {}
    tracker.record_keys((field,), EdgeKeys([key], [answer], {}))
    return list(tracker.build_reads([FieldError(field, answer, (), ValueError("refused"))] if fails else ()))


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("key", [SITI, BUDI, "".join(SITI), None, 7, [SITI, BUDI]])
@pytest.mark.parametrize("reader", [SITI, None])
def test_a_key_that_is_the_reader_names_the_subject_that_the_guard_names(
    reader: str | None, key: object, *, fails: bool
) -> None:
    guard = Guard(access=PERSONAL, is_keyed=True)
    field = build_field("Query.citizen", guard)
    field.edge = SimpleNamespace(has_many_keys=isinstance(key, list))
    reads = []
    for is_of_key in (True, False):
        field.own_part = GuardedPart(guard, (field,), is_of_key=is_of_key)
        reads.append(track_key(field, key, reader=reader, fails=fails))
    assert reads[0] == reads[1]
    if key == SITI:
        assert reads[0] == ([] if fails else [SubjectRead(SITI, ("Query.citizen",), (), ("PERSONAL",), bool(reader))])


def test_only_a_key_that_nothing_else_is_asked_about_is_the_subject() -> None:
    keyed = Guard(access=PERSONAL, is_keyed=True)
    assert keyed.key_is_subject
    assert not GUARD.key_is_subject
    assert not replace(keyed, people_of_key=lambda key: key.owner).key_is_subject
    assert not replace(keyed, subject_batch=preferences_of).key_is_subject


def test_guards_that_name_the_same_attribute_share_a_part() -> None:
    guards = {
        "Bill.due": GUARD,
        "Bill.note": Guard(access=PERSONAL, subject="nik", public_when="is_public"),
        "Bill.paid": Guard(access=Access(Rule.SELF | Rule.OFFICIAL), subject="nik"),
        "Bill.payer": Guard(access=PERSONAL, subject="payer"),
        "Bill.area": Guard(access=PUBLIC),
        "Bill.hint": Guard(access=PERSONAL, subject="nik", public_when="is_public"),
    }
    shape: Any = SimpleNamespace(fields=[build_field(name, guard) for name, guard in guards.items()])
    parts = build_guarded_parts(shape)
    assert [[each.name for each in part.fields] for part in parts] == [
        ["Bill.due", "Bill.paid"],
        ["Bill.note"],
        ["Bill.payer"],
        ["Bill.hint"],
    ]
    assert [part.get_subject is None for part in parts] == [False, True, False, True]


def test_a_field_that_failed_is_no_read_although_its_part_is() -> None:
    due, paid = (
        build_field("Bill.due", GUARD),
        build_field("Bill.paid", Guard(access=Access(Rule.OFFICIAL), subject="nik"), 1),
    )
    shape: Any = SimpleNamespace(fields=[due, paid])
    shape.guarded_parts = build_guarded_parts(shape)
    answers: list[dict[str, Any]] = [{}, {}]
    tracker = ReadTracker(None, {}, ANY_AGENCIES)
    tracker.record_shape(shape, [SimpleNamespace(nik=SITI), SimpleNamespace(nik=BUDI)], answers)
    fault = FieldError(paid, answers[1], (), ValueError("refused"))
    assert [(each.subject, each.fields) for each in tracker.build_reads([fault])] == [
        (SITI, ("Bill.due", "Bill.paid")),
        (BUDI, ("Bill.due",)),
    ]
