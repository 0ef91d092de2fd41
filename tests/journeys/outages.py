"""Outages of agencies: one that is dead for a while, and what a query of all of them reads of each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.journeys.hub import RunningCity

ABOUT_ME = """
{
  me {
    name
    household { members { name } }
    taxObjects { nop }
    msmes { name }
    complaints { number }
  }
  markets(search: "senen", first: 1) { name }
}
"""
FIELDS_OF = {
    "dukcapil": {"me.name", "me.household"},
    "jakpreneur": {"me.msmes"},
    "pbb": {"me.taxObjects"},
    "crm": {"me.complaints"},
    "pangan": {"markets"},
}


@contextmanager
def kill_agency(city: RunningCity, agency: str) -> Iterator[None]:
    """The agency is dead for the length of the block, and started again after it."""
    city.agencies[agency].kill()
    try:
        yield
    finally:
        city.agencies[agency].restart()


def value_at(data: Any, path: str) -> Any:  # noqa: ANN401 - JSON
    """The value at a dotted path."""
    for part in path.split("."):
        data = data[part]
    return data
