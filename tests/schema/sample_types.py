"""A small record and its published type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from auth.policy.rules import Rule
from records.description import Doc
from schema.declarations.publishing import publishes


@dataclass(frozen=True)
class Leaf:
    """A leaf."""

    colour: Annotated[str, Doc("Its colour.")]


@publishes(Leaf, rule=Rule.PUBLIC, shows=("colour",))
class LeafType: ...
