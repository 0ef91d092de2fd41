"""Behaviour of records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, field, fields, replace
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
class AwningStall(Stall):
    """A place outside."""

    street: str


Make = Callable[[type[Any]], Callable[..., Any]]


def build_writer(kind: type[Any]) -> Callable[..., Any]:
    """A function that makes a record by the source for generated code."""

    def make(**given: Any) -> Any:  # noqa: ANN401 - values of any field
        construction = write_construction(kind, {name: f"given[{name!r}]" for name in given})
        namespace = {**construction.names, "given": given}
        exec("\n".join(construction.lines), namespace)  # noqa: S102 - what the test is about
        return namespace["made"]

    return make


by_each_way = pytest.mark.parametrize("make", [lambda kind: kind, build_writer], ids=["class", "source"])


@by_each_way
def test_fields_are_given_by_name_and_others_take_their_defaults(make: Make) -> None:
    stall = make(Stall)(number=3, goods=("rice",))
    assert (stall.number, stall.goods, stall.notes) == (3, ("rice",), [])
    assert make(Stall)(number=4).goods == ()
    assert make(Nothing)() == Nothing()


@by_each_way
def test_a_record_is_of_its_class_and_hides_nothing_of_its_base(make: Make) -> None:
    awning = make(AwningStall)(number=3, street="Sabang")
    assert (type(awning), awning) == (AwningStall, replace(AwningStall(number=4, street="Sabang"), number=3))
    assert loads(dumps(awning)) == awning  # noqa: S301 - our own bytes


@by_each_way
def test_each_record_gets_its_own_mutable_default(make: Make) -> None:
    assert make(Stall)(number=1).notes is not make(Stall)(number=1).notes


@by_each_way
@pytest.mark.parametrize(
    ("arguments", "keywords"), [((3,), {}), ((), {}), ((), {"number": 1, "colour": "red"})], ids=str
)
def test_missing_unknown_or_positional_fields_are_refused(
    make: Make, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> None:
    with pytest.raises(TypeError):
        make(Stall)(*arguments, **keywords)


@by_each_way
def test_a_record_runs_its_post_init(make: Make) -> None:
    with pytest.raises(ValueError, match="numbered from 1"):
        make(Stall)(number=0)


def test_everything_else_is_like_a_dataclass() -> None:
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
    with pytest.raises(FrozenInstanceError):
        stall.number = 4
