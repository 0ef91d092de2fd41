"""Where in a token a claim stands: at the top by its name, or further in by a path.

Providers keep what a city needs where they like: under a name with a namespace (`https://city.example/nik`), in an
object (`realm_access`), as one of a list. A path is a list of steps, so that a name with dots or slashes is a name and
never taken apart: `["resource_access", "simpul", "roles"]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

_MAX_STEPS: Final = 6
_MAX_INDEX: Final = 99


def _parse_steps(value: object) -> object:
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, (list, tuple)):
        raise ValueError("it must be the name of a claim, or a list that says the way to it")  # noqa: TRY004 - pydantic tells a ValueError
    if not 1 <= len(value) <= _MAX_STEPS:
        raise ValueError(f"a way to a claim has 1 to {_MAX_STEPS} steps, not {len(value)}")
    for step in value:
        is_index = isinstance(step, int) and not isinstance(step, bool) and 0 <= step <= _MAX_INDEX
        if not (is_index or (isinstance(step, str) and step)):
            raise ValueError(f"each step is a name, or a place in a list (0 to {_MAX_INDEX})")
    if not isinstance(value[0], str):
        raise ValueError("the first step is a name")  # noqa: TRY004 - pydantic tells a ValueError
    return tuple(value)


ClaimStep = str | int
ClaimPath = Annotated[tuple[ClaimStep, ...], BeforeValidator(_parse_steps), Field(max_length=_MAX_STEPS)]
"""The way to a claim: a name, or names and places in lists one after another."""


def get_claim(claims: Mapping[str, Any], path: tuple[ClaimStep, ...]) -> Any:  # noqa: ANN401 - any JSON
    """What stands there; None where nothing does, or null.

    Raises ValueError, which echoes nothing, where something else stands on the way: a text in place of an object is no
    claim that happens to be absent, but a token that this entry does not describe.
    """
    value: Any = claims
    for step in path:
        if value is None:
            return None
        if isinstance(step, str):
            if not isinstance(value, Mapping):
                raise ValueError("On the way to a claim stands no object.")  # noqa: TRY004 - the token is wrong, not the call
            value = value.get(step)
        else:
            if not isinstance(value, list):
                raise ValueError("On the way to a claim stands no list.")  # noqa: TRY004 - the token is wrong, not the call
            value = value[step] if step < len(value) else None
    return value
