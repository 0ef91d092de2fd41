"""Judges whether an answer holds only data that its caller may see, each at the place of its owner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from auth.caller import Caller, CallerKind
from records.calls.subject_reads import SubjectRead
from records.identifiers import Nik
from tests.crowd.callers import may_see
from tests.crowd.marks import FoundMark, MarkKind, MarkReader, Watermark
from tests.crowd.people import CrowdPeople
from tests.crowd.questions import CrowdQuestion, DataSubjects

_OF_COMPLAINT = frozenset({MarkKind.COMPLAINT, MarkKind.PUBLIC})
_OF_PRODUCT = frozenset({MarkKind.PRODUCT, MarkKind.PUBLIC})
_BELONGS: Mapping[tuple[str, str], frozenset[MarkKind]] = {
    ("", "name"): frozenset({MarkKind.IDENTITY, MarkKind.MSME}),
    ("citizen", "name"): frozenset({MarkKind.IDENTITY}),
    ("residence", "address"): frozenset({MarkKind.RESIDENCE}),
    ("civilStatus", "occupation"): frozenset({MarkKind.CIVIL}),
    ("parentage", "motherName"): frozenset({MarkKind.PARENTS}),
    ("members", "name"): frozenset({MarkKind.MEMBER}),
    ("", "taxpayerName"): frozenset({MarkKind.TAX}),
    ("taxObjects", "taxpayerName"): frozenset({MarkKind.TAX}),
    ("taxObjects", "address"): frozenset({MarkKind.TAX}),
    ("payments", "receipt"): frozenset({MarkKind.TAX}),
    ("msmes", "name"): frozenset({MarkKind.MSME}),
    ("msmes", "address"): frozenset({MarkKind.MSME}),
    ("products", "name"): _OF_PRODUCT,
    ("", "description"): _OF_COMPLAINT,
    ("complaints", "description"): _OF_COMPLAINT,
    ("complaints", "address"): _OF_COMPLAINT,
    ("events", "note"): _OF_COMPLAINT,
    ("node", "description"): frozenset({MarkKind.PUBLIC}),
    ("node", "text"): frozenset({MarkKind.LOG}),
}
"""The kinds of mark that a field may hold, by its parent field (none at the root) and its name."""


class ForeignRecord(AssertionError):  # noqa: N818 - reads as what it is
    """An answer holds data that its caller may not see, or at a wrong place."""


class Judge:
    """Judges answers."""

    def __init__(self, people: CrowdPeople) -> None:
        """Judges by the current state of the people."""
        self._people = people
        self._marks = MarkReader(people.niks)
        self.counts: Counter[tuple[CallerKind, MarkKind]] = Counter()
        """The number of correct marks by kind of caller: a caller who sees nothing proves nothing."""
        self.changing_count = 0
        """The number of marks that were accepted only because something changed during the request."""

    def check_answer(self, caller: Caller, question: CrowdQuestion, data: Any, since: int) -> Sequence[Watermark]:  # noqa: ANN401 - JSON
        """The marks in the answer; raises `ForeignRecord`. `since` is the moment of the request."""
        found = []
        for each in self._marks.find(data or {}):
            mark = each.mark
            if mark is None:
                raise ForeignRecord(f"{_format_path(each)}: a forged mark")
            own = self._find_own_cards(each, caller, question)
            # On the caller's own card, people count who left it at any moment of the run.
            self._check_place(each, mark, question, data, -1 if mark.owner in own else since)
            by_id = each.path[0] in ("node", "nodes")
            if (
                not may_see(caller, mark, self._people, by_id=by_id)
                and mark.owner not in own
                and not self._may_have_changed(caller, mark, question, since)
            ):
                raise ForeignRecord(f"{_format_path(each)}: {caller!r} got {mark.kind.value} data of another person")
            self.counts[caller.kind, mark.kind] += 1
            found.append(mark)
        return found

    def check_recorded(self, marks: Sequence[Watermark], reads: Sequence[SubjectRead], question: CrowdQuestion) -> None:
        """Check that the ledger has entries for exactly the people in the answer."""
        recorded_subjects = {each.subject for each in reads}
        answered_subjects = {mark.owner for mark in marks if mark.kind is not MarkKind.PUBLIC}
        # The owner of a complaint that was requested by id is unknown.
        by_id = question.subjects.keys() <= {"node", "nodes"}
        unknown = {
            mark.owner for mark in marks if mark.kind is MarkKind.COMPLAINT and by_id and None in recorded_subjects
        }
        if not answered_subjects - unknown <= recorded_subjects:
            missing = len(answered_subjects - recorded_subjects)
            raise ForeignRecord(f"the ledger did not record {missing} people in an answer to {question.text}")
        about = set().union(*(_to_set(place) for place in question.subjects.values()), {None})
        cards = {nik for each in about if each is not None for nik in self._people.family_of[each].all_members}
        changed_cards = {nik for kind, nik in self._people.changed if kind == "card"}
        # `check_answer` accepted the people in the answer. One of them may have left the card since.
        if not recorded_subjects <= answered_subjects | about | cards | changed_cards:
            raise ForeignRecord(f"the ledger recorded people outside the answer, in {question.text}")

    def _check_place(self, each: FoundMark, mark: Watermark, question: CrowdQuestion, data: Any, since: int) -> None:  # noqa: ANN401 - JSON
        names = [part for part in each.path if isinstance(part, str)]
        above, name = (names[-2] if len(names) > 2 else ""), names[-1]
        if mark.kind not in _BELONGS.get((above, name), frozenset()):
            raise ForeignRecord(f"{_format_path(each)}: what is {mark.kind.value} does not belong there")
        place = question.subjects[str(each.path[0])]
        if place is None:
            return
        index = each.path[1] if isinstance(place, tuple) else None
        person = place[index] if isinstance(place, tuple) and isinstance(index, int) else place
        if "members" in names:
            person = self._find_member(each, person, data, since)
        if mark.owner != person:
            raise ForeignRecord(f"{_format_path(each)}: {mark.kind.value} data of another person")

    def _find_own_cards(self, each: FoundMark, caller: Caller, question: CrowdQuestion) -> AbstractSet[Nik]:
        """The people that the caller may see on their own card, because they were on it when it was cached."""
        place = question.subjects[str(each.path[0])]
        if caller.nik is None or place != caller.nik or each.path[-3:-2] != ("members",):
            return frozenset()
        return self._people.shared_cards[caller.nik]

    def _find_member(self, each: FoundMark, person: DataSubjects, data: Any, since: int) -> Nik:  # noqa: ANN401 - JSON
        at = data
        for part in each.path[: each.path.index("members") + 2]:
            at = at[part]
        member = Nik(at["nik"])
        if not isinstance(person, str) or member not in self._people.family_of[person].all_members:
            if not isinstance(person, str) or not self._has_changed_since(since, ("card", member), ("card", person)):
                raise ForeignRecord(f"{_format_path(each)}: a person who is not on the card")
            self.changing_count += 1
        return member

    def _may_have_changed(self, caller: Caller, mark: Watermark, question: CrowdQuestion, since: int) -> bool:
        """Whether something that decides about the mark changed since the request."""
        people = self._people
        about: list[tuple[str, str]] = [("card", mark.owner), ("restriction", mark.owner)]
        about += [("restriction", nik) for nik in people.family_of[mark.owner].all_members]
        about += [("card", nik) for place in question.subjects.values() for nik in _to_set(place) if nik]
        if caller.kind is CallerKind.PARTNER:
            granted = people.consents.values()
            about += [("consent", each.id) for each in granted if each.subject == mark.owner]
        moved = self._has_changed_since(since, *about)
        self.changing_count += moved
        return moved

    def _has_changed_since(self, moment: int, *about: tuple[str, str]) -> bool:
        """Whether any of these things changed after this moment."""
        return any(self._people.changed.get(each, -1) > moment for each in about)


def _to_set(place: DataSubjects) -> set[Nik | None]:
    return set(place) if isinstance(place, tuple) else {place}


def _format_path(each: FoundMark) -> str:
    return ".".join(map(str, each.path))
