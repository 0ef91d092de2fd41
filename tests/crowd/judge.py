"""Whether an answer holds what its caller may see, at the place of whom it is about, and nothing of anybody else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from auth.caller import Caller, CallerKind
from engine.reads import Read
from records.identifiers import Nik
from tests.crowd.callers import may_see
from tests.crowd.marks import Mark, Marks, Seen, What
from tests.crowd.people import People
from tests.crowd.questions import Place, Question

_OF_COMPLAINT = frozenset({What.COMPLAINT, What.PUBLIC})
_OF_PRODUCT = frozenset({What.PRODUCT, What.PUBLIC})
_BELONGS: Mapping[tuple[str, str], frozenset[What]] = {
    ("", "name"): frozenset({What.IDENTITY, What.MSME}),
    ("citizen", "name"): frozenset({What.IDENTITY}),
    ("residence", "address"): frozenset({What.RESIDENCE}),
    ("civilStatus", "occupation"): frozenset({What.CIVIL}),
    ("parentage", "motherName"): frozenset({What.PARENTS}),
    ("members", "name"): frozenset({What.MEMBER}),
    ("", "taxpayerName"): frozenset({What.TAX}),
    ("taxObjects", "taxpayerName"): frozenset({What.TAX}),
    ("taxObjects", "address"): frozenset({What.TAX}),
    ("payments", "receipt"): frozenset({What.TAX}),
    ("msmes", "name"): frozenset({What.MSME}),
    ("msmes", "address"): frozenset({What.MSME}),
    ("products", "name"): _OF_PRODUCT,
    ("", "description"): _OF_COMPLAINT,
    ("complaints", "description"): _OF_COMPLAINT,
    ("complaints", "address"): _OF_COMPLAINT,
    ("events", "note"): _OF_COMPLAINT,
    ("node", "description"): frozenset({What.PUBLIC}),
    ("node", "text"): frozenset({What.LOG}),
}
"""What may stand in a field: by the field above it (none at the root) and its own name."""


class ForeignRecord(AssertionError):  # noqa: N818 - reads as what it is
    """Somebody got what is not theirs, or at a place that is not its own."""


class Judge:
    """Judges answers."""

    def __init__(self, people: People) -> None:
        """By how things stand with the people."""
        self._people = people
        self._marks = Marks(people.everybody)
        self.seen: Counter[tuple[CallerKind, What]] = Counter()
        """How many marks rightly reached callers of each kind: who sees nothing cannot be wrong."""
        self.in_motion = 0
        """Marks that counted because something changed while they were on their way."""

    def judge(self, caller: Caller, question: Question, data: Any, since: int) -> Sequence[Mark]:  # noqa: ANN401 - JSON
        """The marks in the answer. Raises `ForeignRecord`. `since` is the moment at which was asked."""
        found = []
        for each in self._marks.seen(data or {}):
            mark = each.mark
            if mark is None:
                raise ForeignRecord(f"{_told(each)}: a mark that nobody made")
            self._at_its_place(each, mark, question, data, since)
            by_id = each.path[0] in ("node", "nodes")
            if not may_see(caller, mark, self._people, by_id=by_id) and not self._moved(caller, mark, question, since):
                raise ForeignRecord(f"{_told(each)}: {caller!r} got what is {mark.what.value} of somebody else")
            self.seen[caller.kind, mark.what] += 1
            found.append(mark)
        return found

    def recorded(self, marks: Sequence[Mark], reads: Sequence[Read], question: Question) -> None:
        """Whether the ledger is told of everybody of whom the answer holds something, and of nobody else."""
        told = {each.subject for each in reads}
        held = {mark.owner for mark in marks if mark.what is not What.PUBLIC}
        by_id = question.places.keys() <= {"node", "nodes"}  # whose a complaint is that is asked for so, nobody knows
        unknown = {mark.owner for mark in marks if mark.what is What.COMPLAINT and by_id and None in told}
        if not held - unknown <= told:
            raise ForeignRecord(f"the ledger was not told of {len(held - told)} people in an answer to {question.text}")
        about = set().union(*(_people_of(place) for place in question.places.values()), {None})
        cards = {nik for each in about if each is not None for nik in self._people.family_of[each].everybody}
        moved = {nik for kind, nik in self._people.changed if kind == "card"}
        if not told <= about | cards | moved:
            raise ForeignRecord(f"the ledger was told of people whom nobody asked about, in {question.text}")

    def _at_its_place(self, each: Seen, mark: Mark, question: Question, data: Any, since: int) -> None:  # noqa: ANN401 - JSON
        names = [part for part in each.path if isinstance(part, str)]
        above, name = (names[-2] if len(names) > 2 else ""), names[-1]
        if mark.what not in _BELONGS.get((above, name), frozenset()):
            raise ForeignRecord(f"{_told(each)}: what is {mark.what.value} does not belong there")
        place = question.places[str(each.path[0])]
        if place is None:
            return
        index = each.path[1] if isinstance(place, tuple) else None
        person = place[index] if isinstance(place, tuple) and isinstance(index, int) else place
        if "members" in names:
            person = self._member(each, person, data, since)
        if mark.owner != person:
            raise ForeignRecord(f"{_told(each)}: what is {mark.what.value} of somebody else")

    def _member(self, each: Seen, person: Place, data: Any, since: int) -> Nik:  # noqa: ANN401 - JSON
        at = data
        for part in each.path[: each.path.index("members") + 2]:
            at = at[part]
        member = Nik(at["nik"])
        if not isinstance(person, str) or member not in self._people.family_of[person].everybody:
            if not isinstance(person, str) or not self._since(since, ("card", member), ("card", person)):
                raise ForeignRecord(f"{_told(each)}: somebody who is not on the card")
            self.in_motion += 1
        return member

    def _moved(self, caller: Caller, mark: Mark, question: Question, since: int) -> bool:
        """Whether what decides about it changed since it was asked for."""
        people = self._people
        about: list[tuple[str, str]] = [("card", mark.owner), ("restriction", mark.owner)]
        about += [("restriction", nik) for nik in people.family_of[mark.owner].everybody]
        about += [("card", nik) for place in question.places.values() for nik in _people_of(place) if nik]
        if caller.kind is CallerKind.PARTNER:
            granted = people.consents.values()
            about += [("consent", each.id) for each in granted if each.subject == mark.owner]
        moved = self._since(since, *about)
        self.in_motion += moved
        return moved

    def _since(self, moment: int, *about: tuple[str, str]) -> bool:
        """Whether any of it changed after this moment."""
        return any(self._people.changed.get(each, -1) > moment for each in about)


def _people_of(place: Place) -> set[Nik | None]:
    return set(place) if isinstance(place, tuple) else {place}


def _told(each: Seen) -> str:
    return ".".join(map(str, each.path))
