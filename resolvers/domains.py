"""The domains that agencies can answer, with their commands: modules of this folder that read their own protocol."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from engine.batch import Batch
from engine.command import Command


@cache
def find_domains() -> Mapping[str, type[Any]]:
    """The protocol of each domain, by the word for it: `flood_gates` is the protocol `FloodGates`."""
    found: dict[str, type[Any]] = {}
    for name, module in _load_modules().items():
        protocol = module.get("".join(map(str.capitalize, name.split("_"))))
        if protocol is not None and any(isinstance(one, Batch) and one.domain is protocol for one in module.values()):
            found[name] = protocol
    return found


@cache
def find_commands() -> Mapping[str, Command[Any]]:
    """The commands of all domains, by their names."""
    found = [each for module in _load_modules().values() for each in module.values() if isinstance(each, Command)]
    return {each.name: each for each in found}


def _load_modules() -> Mapping[str, Mapping[str, Any]]:
    """What the modules of this folder define, by the name of each."""
    names = [each.name for each in iter_modules([str(Path(__file__).parent)])]
    return {name: vars(import_module(f"{__package__}.{name}")) for name in names}
