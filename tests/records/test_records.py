"""Rules for every record."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from types import ModuleType
from typing import Any

import msgspec
import pytest

from records import complaints, msmes, population, prices, regions, tax
from tests.fakes.graph_records import RECORDS

MODULES: tuple[ModuleType, ...] = (complaints, msmes, population, prices, regions, tax)
KINDS = [
    each
    for module in MODULES
    for each in vars(module).values()
    if isinstance(each, type) and is_dataclass(each) and each.__module__ == module.__name__
]
QUERY_SUFFIXES = ("Query", "Position", "Page")
"""Records with these endings are inputs or pages of the hub, and are not published."""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_record_is_frozen_and_named_by_keywords_and_has_no_dictionary(kind: type[Any]) -> None:
    assert msgspec.Struct in kind.__mro__
    assert kind.__struct_config__.frozen
    assert all(each.kw_only for each in fields(kind))
    assert kind.__dictoffset__ == 0


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if not kind.__name__.endswith(QUERY_SUFFIXES)], ids=lambda kind: kind.__name__
)
def test_every_field_of_a_record_has_a_description(kind: type[Any]) -> None:
    for field in fields(kind):
        assert "Doc(" in str(field.type), f"{kind.__name__}.{field.name}"
    assert kind.__doc__


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_a_published_record_is_immutable(record: object) -> None:
    name = fields(record)[0].name  # type: ignore[arg-type]  # a record
    with pytest.raises(AttributeError):
        setattr(record, name, None)


@pytest.mark.parametrize(
    "query", [kind for kind in KINDS if kind.__name__.endswith("Query")], ids=lambda kind: kind.__name__
)
def test_equal_queries_are_equal_keys(query: type[Any]) -> None:
    required: dict[str, Any] = {"TrendQuery": {"commodity_id": "1", "year": 2026, "month": 1}}.get(
        query.__name__, {"first": 5} if query.__name__ == "ComplaintQuery" else {}
    )
    assert query(**required) == query(**required)
    assert len({query(**required), query(**required)}) == 1
