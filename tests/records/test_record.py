"""Behaviour of records."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, field, fields, replace
from inspect import signature
from pickle import dumps, loads
from typing import Any

import pytest

from records.record import record


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


def test_fields_are_given_by_name_and_others_take_their_defaults() -> None:
    stall = Stall(number=3, goods=("rice",))
    assert (stall.number, stall.goods, stall.notes) == (3, ("rice",), [])
    assert Stall(number=4).goods == ()
    assert Nothing() == Nothing()


def test_each_record_gets_its_own_mutable_default() -> None:
    assert Stall(number=1).notes is not Stall(number=1).notes


@pytest.mark.parametrize(
    ("arguments", "keywords"), [((3,), {}), ((), {}), ((), {"number": 1, "colour": "red"})], ids=str
)
def test_missing_unknown_or_positional_fields_are_refused(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    kind: Any = Stall
    with pytest.raises(TypeError):
        kind(*arguments, **keywords)


def test_a_record_runs_its_post_init() -> None:
    with pytest.raises(ValueError, match="numbered from 1"):
        Stall(number=0)


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


def test_a_record_cannot_be_changed() -> None:
    stall: Any = Stall(number=3)
    with pytest.raises(FrozenInstanceError):
        stall.number = 4
