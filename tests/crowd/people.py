"""A thousand people in families, and what changes about them while the crowd asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any, Final, NamedTuple

from auth.children import is_child, today_here
from records.consents import Consent
from records.identifiers import Nik
from records.purposes import Purpose, Scope
from records.wishes import Restriction
from tests.clients import client_named
from tests.small_records import consent, restriction

FAMILIES = 320
CLIENTS: Final = tuple(client_named(f"bank-{number}") for number in range(8))
TODAY = today_here()


def chance(seed: int) -> Random:
    """The same chances again for the same seed."""
    return Random(seed)  # noqa: S311 - nothing depends on nobody guessing it


@dataclass(slots=True)
class Family:
    """Who stands on one card."""

    number: str
    parents: tuple[Nik, ...]
    children: list[Nik]

    @property
    def everybody(self) -> tuple[Nik, ...]:
        return (*self.parents, *self.children)


class Change(NamedTuple):
    """Something that is otherwise from now on: of a kind, about something, the new value."""

    kind: str
    about: str
    value: str


@dataclass(slots=True)
class People:
    """Everybody, as things stand now; the same in every process that was told the same changes.

    `moment` counts the changes; `changed` tells at which moment each thing did so last.
    """

    families: Sequence[Family]
    family_of: dict[Nik, Family]
    consents: dict[str, Consent] = field(default_factory=dict)
    in_force: set[str] = field(default_factory=set)
    restricted: dict[Nik, Restriction] = field(default_factory=dict)
    moment: int = 0
    changed: dict[tuple[str, str], int] = field(default_factory=dict)

    @classmethod
    def made(cls, seed: int) -> People:
        """The same people for the same seed."""
        random = chance(seed)
        families = [_family(random, number) for number in range(FAMILIES)]
        people = cls(families, {nik: family for family in families for nik in family.everybody})
        adults = people.adults
        for number in range(400):
            granted = _consent(random, random.choice(adults), number)
            people.consents[granted.id] = granted
            people.in_force.add(granted.id)
        return people

    @property
    def everybody(self) -> list[Nik]:
        return list(self.family_of)

    @property
    def adults(self) -> list[Nik]:
        return [nik for nik in self.family_of if not is_child(nik, TODAY)]

    def touch(self, change: Change) -> None:
        """Note that something is being changed: who asks meanwhile may see either."""
        self.moment += 1
        self.changed[change.kind, change.about] = self.moment

    def apply(self, change: Change) -> None:
        """From now on it is so."""
        if change.kind == "consent":
            (self.in_force.add if change.value else self.in_force.discard)(change.about)
        elif change.kind == "restriction":
            nik = Nik(change.about)
            self.restricted.pop(nik, None)
            if change.value:
                self.restricted[nik] = restriction(subject=nik)
        elif change.kind == "card":
            child, family = Nik(change.about), self.families[int(change.value)]
            self.family_of[child].children.remove(child)
            family.children.append(child)
            self.family_of[child] = family
        else:
            raise ValueError(f"'{change.kind}' is no kind of change.")

    def any_change(self, random: Random) -> Change:
        """Something that could happen."""
        kind = random.choice(("consent", "consent", "restriction", "card"))
        if kind == "consent":
            about = random.choice(list(self.consents))
            return Change(kind, about, "" if about in self.in_force else "granted")
        if kind == "restriction":
            nik = random.choice(self.adults)
            return Change(kind, nik, "" if nik in self.restricted else "restricted")
        child = random.choice([nik for nik in self.family_of if is_child(nik, TODAY)])
        return Change(kind, child, str(random.randrange(len(self.families))))

    def granted(self, id_: str) -> Consent | None:
        """A consent, where it is in force."""
        return self.consents[id_] if id_ in self.in_force else None

    def granted_to(self, client: str | None, by: Nik) -> tuple[Consent, ...]:
        found = (self.consents[each] for each in self.in_force)
        return tuple(each for each in found if each.subject == by and each.client == client)


def _family(random: Random, number: int) -> Family:
    def born(first: int, last: int, serial: int) -> Nik:
        day = random.randint(1, 28) + random.choice((0, 40))
        return Nik(f"317101{day:02}{random.randint(1, 12):02}{random.randint(first, last) % 100:02}{serial:04}")

    parents = tuple(born(1960, 1995, number * 6 + place + 1) for place in range(2))
    children = [
        born(TODAY.year - 14, TODAY.year - 6, number * 6 + place + 3) for place in range(random.choice((0, 1, 1, 2, 3)))
    ]
    return Family(f"31710102031{number:05}", parents, children)


_PURPOSES: Mapping[Purpose, tuple[Scope, ...]] = {
    Purpose.CREDIT_ASSESSMENT: (Scope.TAX, Scope.MSMES, Scope.IDENTITY),
    Purpose.PAYMENT: (Scope.TAX,),
}


def _consent(random: Random, subject: Nik, number: int) -> Consent:
    purpose = random.choice(list(_PURPOSES))
    scopes = _PURPOSES[purpose]
    given: dict[str, Any] = {"client": random.choice(CLIENTS), "purpose": purpose, "id": f"{number:032x}"}
    return consent(subject, scopes=scopes[: random.randint(1, len(scopes))], **given)


def born_on(nik: Nik) -> date:
    """The day of birth that the number tells."""
    day, month, year = int(nik[6:8]) % 40, int(nik[8:10]), int(nik[10:12])
    return date((2000 if year <= TODAY.year % 100 else 1900) + year, month, day)
