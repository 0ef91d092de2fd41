"""The domains that agencies can answer: modules of this folder whose batches read from the protocol of their name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from engine.batch import Batch


@cache
def find_domains() -> Mapping[str, type[Any]]:
    """The protocol of each domain, by the word for it: `flood_gates` is the protocol `FloodGates`."""
    found: dict[str, type[Any]] = {}
    for each in iter_modules([str(Path(__file__).parent)]):
        module = vars(import_module(f"{__package__}.{each.name}"))
        protocol = module.get("".join(map(str.capitalize, each.name.split("_"))))
        if protocol is not None and any(isinstance(one, Batch) and one.domain is protocol for one in module.values()):
            found[each.name] = protocol
    return found
