"""The answers of the agencies of the torture schema, with their failures; determined by a seed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import Undefined

from records.calls.failures import AgencyUnavailable


@dataclass
class Raises:
    """Replaces the value of an attribute: reading it raises."""

    error: Exception


class TortureRecord:
    """A record whose attributes may be anything, or raise."""

    def __init__(self, **values: Any) -> None:  # noqa: ANN401 - any values
        self.__dict__["values"] = values

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any value
        try:
            value = self.__dict__["values"][name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no {name}") from None
        if isinstance(value, Raises):
            raise value.error
        return value

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class TorturePerson(TortureRecord):
    """At agency A."""


class Firm(TortureRecord):
    """At agency B."""


class TorturePlace(TortureRecord):
    """At agency C."""


class TortureAddress(TortureRecord):
    """Inside other records."""


class Nick(TortureRecord):
    """A facet of a person."""


class Motto(TortureRecord):
    """Another facet of a person."""


IDS = tuple("123456")
OATH_ALLOWS = True


@dataclass
class TortureWorld:
    """The answers of the agencies. `trouble` is the share of wrong values, from 0 to 1."""

    seed: int
    trouble: float = 0.0
    delays: tuple[float | None, ...] = (1, 1, 2, 5)
    """The maximum seconds of a batch; None if it answers without waiting."""
    asked: list[tuple[str, frozenset[type[Any]], tuple[Hashable, ...]]] = field(default_factory=list)
    changes: list[Hashable] = field(default_factory=list)
    known: dict[tuple[str, Hashable], Any] = field(default_factory=dict)

    def random(self, *about: object) -> Random:
        """A random generator, equal for equal arguments."""
        return Random(f"{self.seed} {about!r}")  # noqa: S311 - nothing here is secret

    async def pass_time(self, name: str) -> None:
        """Wait for the time that this batch takes in this world."""
        seconds = self.random("delay", name).choice(self.delays)
        if seconds is not None:
            await asyncio.sleep(seconds)

    def spoil(self, chance: Random, good: Any, *wrong: Any) -> Any:  # noqa: ANN401 - any values
        """The right value, or with trouble null, a wrong value or a failure."""
        if chance.random() >= self.trouble:
            return good
        kind = chance.randrange(6)
        if kind == 0:
            return ValueError(f"value {chance.randrange(3)}")
        if kind == 1:
            return Raises(LookupError(f"attribute {chance.randrange(3)}"))
        if kind == 2 and wrong:
            return Undefined
        return chance.choice(wrong) if wrong and kind != 3 else None

    def many(self, chance: Random, most: int, one: Callable[[], Any]) -> Any:  # noqa: ANN401 - any items
        """A list of values, as one of several iterable types."""
        items = [one() for _ in range(chance.randrange(most + 1))]
        items = [None if isinstance(each, Raises) else each for each in items]
        if self.trouble and chance.random() < self.trouble:
            return chance.choice((5, "text", {"a": 1}, None, Undefined, _broken(items), ValueError("list")))
        return chance.choice((items, tuple(items), items, _Iterable(items)))

    def person(self, key: Hashable) -> TorturePerson:
        chance = self.random("person", key)
        text = "NUL"[chance.randrange(3)]
        s = self.spoil
        return TorturePerson(
            id=s(chance, str(key), 5, 1.5, OATH_ALLOWS, []),
            name=s(chance, f"Person {key}", 7, OATH_ALLOWS, b"x", [], 2.5, _Texty()),
            label=s(chance, text, 7, {}, _Texty()),
            age=s(chance, chance.randrange(90), "5", "x", 2**31, 1.0, 1.5, OATH_ALLOWS, [], float("nan")),
            height=s(chance, 1.5, 2, "1.5", "x", float("inf"), OATH_ALLOWS, []),
            tall=s(chance, OATH_ALLOWS, 1, 0.0, "yes", [], float("nan")),
            colour=s(chance, chance.choice((1, "two", 3.5)), "RED", 9, []),
            colours=self.many(chance, 3, lambda: s(chance, 1, "two", 9, [])),
            even=s(chance, 2, 3, 0, "x", []),
            evens=self.many(chance, 3, lambda: s(chance, 4, 3, 0, "x")),
            tags=self.many(chance, 2, lambda: self.many(chance, 2, lambda: s(chance, "tag", 3, []))),
            grid=self.many(chance, 2, lambda: self.many(chance, 2, lambda: s(chance, 1, "x", 2**40))),
            best_id=s(chance, chance.choice(IDS)),
            friend_ids=[chance.choice(IDS) for _ in range(chance.randrange(4))],
            firm_id=chance.choice((None, *IDS)),
            party_ids=[
                ValueError("party") if self.trouble and chance.random() < self.trouble else chance.choice(IDS)
                for _ in range(chance.randrange(4))
            ],
            home=s(chance, self.address(key, "home"), 5, Nick()),
            addresses=self.many(
                chance, 2, lambda: self.many(chance, 2, lambda: s(chance, self.address(key, "other"), Nick(), 5))
            ),
            somebody=s(chance, self.address(key, "x") if chance.random() < self.trouble else None, 5),
            diary=[self.address(key, n) for n in range(2)],
            secret=f"secret of {key}",
        )

    def address(self, key: Hashable, what: object) -> TortureAddress:
        chance = self.random("address", key, what)
        return TortureAddress(
            street=self.spoil(chance, f"Street {key}", 5, []),
            place_id=self.spoil(chance, chance.choice(IDS), None),
            firm_id=chance.choice(IDS),
        )

    def firm(self, key: Hashable) -> Firm:
        chance = self.random("firm", key)
        return Firm(
            name=self.spoil(chance, f"Firm {key}", 5, []),
            label=self.spoil(chance, "firm", []),
            boss_id=self.spoil(chance, chance.choice(IDS)),
            place_id=self.spoil(chance, chance.choice(IDS)),
            owner_ids=[chance.choice(IDS) for _ in range(chance.randrange(3))],
        )

    def place(self, key: Hashable) -> TorturePlace:
        chance = self.random("place", key)
        return TorturePlace(id=key, title=self.spoil(chance, f"Place {key}", []), parent_id=chance.choice((None, *IDS)))

    def children(self, key: Hashable) -> Any:  # noqa: ANN401 - a list, or a wrong value
        chance = self.random("children", key)
        return self.many(
            chance, 3, lambda: self.spoil(chance, self.one("places", chance.choice(IDS)), 5, self.firm(key))
        )

    def party(self, key: Hashable) -> Any:  # noqa: ANN401 - any member of the union, or none
        chance = self.random("party", key)
        kind = chance.choice(("people", "firms", "places"))
        return self.spoil(chance, self.one(kind, key), 5, Nick(), {"__typename": "Nobody"}, {"__typename": "Colour"})

    def friends(self, key: Hashable) -> Any:  # noqa: ANN401 - a list, or a wrong value
        chance = self.random("friends", key)
        return self.many(
            chance, 4, lambda: self.spoil(chance, self.one("people", chance.choice(IDS)), 5, self.firm(key))
        )

    def facets(self, key: Hashable, wanted: frozenset[type[Any]]) -> Any:  # noqa: ANN401 - a mapping, or a wrong value
        chance = self.random("facets", key)
        every = {
            Nick: self.spoil(chance, Nick(nick=self.spoil(chance, f"nick {key}", []))),
            Motto: self.spoil(chance, Motto(motto=self.spoil(chance, f"motto {key}", []))),
        }
        return {each: value for each, value in every.items() if each in wanted and not isinstance(value, Raises)}

    def words(self, key: Hashable) -> Any:  # noqa: ANN401 - a text, or a wrong value
        return self.spoil(self.random("word", key), f"word {key}", 5, [], _Texty())

    def oath(self, key: Hashable) -> Any:  # noqa: ANN401 - a text, or a wrong value
        chance = self.random("oath", key)
        return self.spoil(chance, chance.choice(("yes", "yes", "no")), 5, [])

    def change(self, key: Hashable) -> Any:  # noqa: ANN401 - a person, or a wrong value
        self.changes.append(key)
        return self.spoil(self.random("change", key), self.person(f"changed {key}"), 5)

    def one(self, name: str, key: Hashable) -> Any:  # noqa: ANN401 - any answer
        """The answer of a batch for one key, the same object each time."""
        if (name, key) not in self.known:
            makers: dict[str, Callable[[Hashable], Any]] = {
                "people": self.person,
                "friends": self.friends,
                "firms": self.firm,
                "places": self.place,
                "children": self.children,
                "parties": self.party,
                "words": self.words,
                "oaths": self.oath,
            }
            self.known[(name, key)] = makers[name](key)
        return self.known[(name, key)]

    async def answer(self, name: str, keys: Sequence[Hashable], wanted: frozenset[type[Any]]) -> dict[Hashable, Any]:
        """One call of a batch."""
        self.asked.append((name, wanted, tuple(keys)))
        await self.pass_time(name)
        if self.random("call", name).random() < self.trouble / 2:
            raise AgencyUnavailable(name, "the whole call")
        answers: dict[Hashable, Any] = {}
        for key in keys:
            chance = self.random("key", name, key)
            if chance.random() < self.trouble:
                fate = chance.randrange(3)
                if fate == 0:
                    continue  # the agency does not know the key
                answers[key] = AgencyUnavailable(name, "one key") if fate == 1 else None
            elif name == "facets":
                answers[key] = self.facets(key, wanted)
            elif name == "changes":
                answers[key] = self.change(key)
            else:
                value = self.one(name, key)
                answers[key] = None if isinstance(value, Raises) else value
        return answers


class _Iterable:
    """Can be iterated repeatedly, but is not a list."""

    def __init__(self, items: Sequence[Any]) -> None:
        self._items = items

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)


class _broken(_Iterable):  # noqa: N801 - used like a function
    """Raises after its first item."""

    def __iter__(self) -> Iterator[Any]:
        yield from self._items[:1]
        raise ValueError("broken list")


class _Texty:
    """Not a string, but can be converted."""

    def __str__(self) -> str:
        return "texty"
