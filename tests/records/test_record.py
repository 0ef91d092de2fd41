"""Behaviour of records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, fields, replace
from inspect import signature
from pickle import dumps, loads
from typing import Any

import pytest

from records.record import record, write_construction


@record
class Stall:
    """A place in a market."""

    number: int
    goods: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.number < 1:
            raise ValueError("Stalls are numbered from 1.")


@record
class Nothing:
    """Holds nothing."""


@record
class AwningStall:
    """A place outside: a field without a default follows one that has it."""

    number: int
    colour: str = "white"
    street: str


@record
class Door:
    """Compares and shows some of its fields."""

    number: int
    code: str = field(repr=False)
    opened: int = field(default=0, compare=False)


Make = Callable[[type[Any]], Callable[..., Any]]


def build_writer(kind: type[Any]) -> Callable[..., Any]:
    """A function that makes a record by the source for generated code."""

    def make(**given: Any) -> Any:  # noqa: ANN401 - values of any field
        construction = write_construction(kind, {name: f"given[{name!r}]" for name in given})
        return eval(construction.expression, {**construction.names, "given": given})  # noqa: S307 - what the test is about

    return make


by_each_way = pytest.mark.parametrize("make", [lambda kind: kind, build_writer], ids=["class", "source"])


@by_each_way
def test_fields_are_given_by_name_and_others_take_their_defaults(make: Make) -> None:
    stall = make(Stall)(number=3, goods=("rice",))
    assert (stall.number, stall.goods, stall.notes) == (3, ("rice",), [])
    assert make(Stall)(number=4).goods == ()
    assert make(Nothing)() == Nothing()


@by_each_way
def test_fields_with_defaults_may_come_first(make: Make) -> None:
    awning = make(AwningStall)(number=3, street="Sabang")
    assert (awning.number, awning.colour, awning.street) == (3, "white", "Sabang")
    assert (type(awning), awning) == (AwningStall, replace(AwningStall(number=4, street="Sabang"), number=3))
    assert loads(dumps(awning)) == awning  # noqa: S301 - our own bytes
    assert [each.name for each in fields(AwningStall)] == list(AwningStall.__annotations__)
    assert list(AwningStall.__annotations__) == ["number", "colour", "street"]


@by_each_way
def test_a_field_can_be_left_out_of_comparison_and_repr(make: Make) -> None:
    door = make(Door)(number=1, code="1234", opened=2)
    assert repr(door) == "Door(number=1, opened=2)"
    assert (door, hash(door)) == (Door(number=1, code="1234"), hash(Door(number=1, code="1234")))
    assert door != Door(number=1, code="4321", opened=2)


def test_a_record_that_extends_another_one_is_refused() -> None:
    with pytest.raises(TypeError, match="Write its fields into Tent instead"):

        @record
        class Tent(Stall):
            """Has the fields of a stall."""


@by_each_way
def test_each_record_gets_its_own_mutable_default(make: Make) -> None:
    assert make(Stall)(number=1).notes is not make(Stall)(number=1).notes


@by_each_way
@pytest.mark.parametrize("given", [{}, {"number": 1, "colour": "red"}], ids=str)
def test_missing_and_unknown_fields_are_refused(make: Make, given: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        make(Stall)(**given)


@by_each_way
def test_a_record_runs_its_post_init(make: Make) -> None:
    with pytest.raises(ValueError, match="numbered from 1"):
        make(Stall)(number=0)


def test_everything_else_is_as_of_a_dataclass() -> None:
    stall = Stall(number=3, goods=("rice",))
    assert stall == Stall(number=3, goods=("rice",))
    assert stall != Stall(number=3)
    assert replace(stall, number=4) == Stall(number=4, goods=("rice",))
    assert repr(stall) == "Stall(number=3, goods=('rice',), notes=[])"
    assert hash(Nothing()) == hash(Nothing())
    assert [each.name for each in fields(Stall)] == ["number", "goods", "notes"]
    assert loads(dumps(stall)) == stall  # noqa: S301 - our own bytes
    assert not hasattr(stall, "__dict__")
    assert list(signature(Stall).parameters) == ["number", "goods", "notes"]


@by_each_way
def test_a_record_cannot_be_changed(make: Make) -> None:
    stall = make(Stall)(number=3)
    with pytest.raises(AttributeError, match="immutable"):
        stall.number = 4
