"""A thousand people in families, and the changes of their data while the crowd sends requests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any, Final, NamedTuple

from auth.policy.children import get_city_date, is_child
from records.hub.consents import Consent
from records.hub.data_preferences import Restriction
from records.identifiers import Nik
from records.purposes import Purpose, Scope
from tests.fakes.clients import build_client
from tests.fakes.small_records import consent, restriction

FAMILIES = 320
CONSENTS = 80
"""Few, so that each is often read and often changed."""
CLIENTS: Final = tuple(build_client(f"bank-{number}") for number in range(8))
TODAY = get_city_date()


def seeded_random(seed: int) -> Random:
    """A random generator with the same results for the same seed."""
    return Random(seed)  # noqa: S311 - nothing depends on nobody guessing it


@dataclass(slots=True)
class CrowdFamily:
    """The people on one card."""

    number: str
    parents: tuple[Nik, ...]
    children: list[Nik]

    @property
    def all_members(self) -> tuple[Nik, ...]:
        return (*self.parents, *self.children)


class CrowdChange(NamedTuple):
    """A change: its kind, its object and the new value."""

    kind: str
    about: str
    value: str


@dataclass(slots=True)
class CrowdPeople:
    """All people in the current state, which is the same in every process with the same changes.

    `moment` counts the changes; `changed` holds the moment of the last change of each thing.
    """

    families: Sequence[CrowdFamily]
    family_of: dict[Nik, CrowdFamily]
    consents: dict[str, Consent] = field(default_factory=dict)
    in_force: set[str] = field(default_factory=set)
    restricted: dict[Nik, Restriction] = field(default_factory=dict)
    shared_cards: defaultdict[Nik, set[Nik]] = field(default_factory=lambda: defaultdict(set))
    """The people that a person was on a card with, until one of them left it."""
    moment: int = 0
    changed: dict[tuple[str, str], int] = field(default_factory=dict)

    @classmethod
    def generate(cls, seed: int) -> CrowdPeople:
        """The same people for the same seed."""
        random = seeded_random(seed)
        families = [_generate_family(random, number) for number in range(FAMILIES)]
        people = cls(families, {nik: family for family in families for nik in family.all_members})
        adults = people.adults
        for number in range(CONSENTS):
            granted = _draw_consent(random, random.choice(adults), number)
            people.consents[granted.id] = granted
            people.in_force.add(granted.id)
        return people

    @property
    def niks(self) -> list[Nik]:
        return list(self.family_of)

    @property
    def adults(self) -> list[Nik]:
        return [nik for nik in self.family_of if not _is_child(nik)]

    def mark_changing(self, change: CrowdChange) -> None:
        """Record that a change begins: a concurrent request may see either state."""
        self.moment += 1
        self.changed[change.kind, change.about] = self.moment

    def apply(self, change: CrowdChange) -> None:
        """The change is in force."""
        if change.kind == "consent":
            (self.in_force.add if change.value else self.in_force.discard)(change.about)
        elif change.kind == "restriction":
            nik = Nik(change.about)
            self.restricted.pop(nik, None)
            if change.value:
                self.restricted[nik] = restriction(subject=nik)
        elif change.kind == "card":
            child, family = Nik(change.about), self.families[int(change.value)]
            for each in self.family_of[child].all_members:
                self.shared_cards[child].add(each)
                self.shared_cards[each].add(child)
            self.family_of[child].children.remove(child)
            family.children.append(child)
            self.family_of[child] = family
        else:
            raise ValueError(f"'{change.kind}' is no kind of change.")

    def draw_change(self, random: Random, often: Sequence[Nik]) -> CrowdChange:
        """Draw a possible change. Half of them concern people who ask often, and may hold a cached record."""
        near = [self.family_of[nik] for nik in often] if random.random() < 0.5 else self.families
        kind = random.choice(("consent", "consent", "restriction", "card"))
        if kind == "consent":
            about = random.choice(list(self.consents))
            return CrowdChange(kind, about, "" if about in self.in_force else "granted")
        if kind == "restriction":
            nik = random.choice(random.choice(near).parents)
            return CrowdChange(kind, nik, "" if nik in self.restricted else "restricted")
        children = [child for family in near for child in family.children] or list(filter(_is_child, self.family_of))
        return CrowdChange(kind, random.choice(children), str(self.families.index(random.choice(near))))

    def find_consent(self, id_: str) -> Consent | None:
        """A consent, if it is in force."""
        return self.consents[id_] if id_ in self.in_force else None

    def granted_to(self, client: str | None, by: Nik) -> tuple[Consent, ...]:
        found = (self.consents[each] for each in self.in_force)
        return tuple(each for each in found if each.subject == by and each.client == client)


def _is_child(nik: Nik) -> bool:
    return is_child(nik, TODAY)


def _generate_family(random: Random, number: int) -> CrowdFamily:
    def build_nik(first: int, last: int, serial: int) -> Nik:
        day = random.randint(1, 28) + random.choice((0, 40))
        return Nik(f"317101{day:02}{random.randint(1, 12):02}{random.randint(first, last) % 100:02}{serial:04}")

    parents = tuple(build_nik(1960, 1995, number * 6 + place + 1) for place in range(2))
    children = [
        build_nik(TODAY.year - 14, TODAY.year - 6, number * 6 + place + 3)
        for place in range(random.choice((0, 1, 1, 2, 3)))
    ]
    return CrowdFamily(f"31710102031{number:05}", parents, children)


_PURPOSES: Mapping[Purpose, tuple[Scope, ...]] = {
    Purpose.CREDIT_ASSESSMENT: (Scope.TAX, Scope.MSMES, Scope.IDENTITY),
    Purpose.PAYMENT: (Scope.TAX,),
}


def _draw_consent(random: Random, subject: Nik, number: int) -> Consent:
    purpose = random.choice(list(_PURPOSES))
    scopes = _PURPOSES[purpose]
    values: dict[str, Any] = {"client": random.choice(CLIENTS), "purpose": purpose, "id": f"{number:032x}"}
    return consent(subject, scopes=scopes[: random.randint(1, len(scopes))], **values)


def read_birth_date(nik: Nik) -> date:
    """The date of birth in the number."""
    day, month, year = int(nik[6:8]) % 40, int(nik[8:10]), int(nik[10:12])
    return date((2000 if year <= TODAY.year % 100 else 1900) + year, month, day)
