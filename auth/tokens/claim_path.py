"""The path to a claim in a token: a name at the top level, or a list of steps.

Identity providers store claims in different places: under a name with a namespace (`https://city.example/nik`), in an
object (`realm_access`), or in a list. A path is a list of steps (`["resource_access", "simpul", "roles"]`), so a name
with dots or slashes is never split.
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
        raise ValueError("it must be the name of a claim, or a list of steps to it")  # noqa: TRY004 - pydantic reports a ValueError
    if not 1 <= len(value) <= _MAX_STEPS:
        raise ValueError(f"a path to a claim has 1 to {_MAX_STEPS} steps, not {len(value)}")
    for step in value:
        is_index = isinstance(step, int) and not isinstance(step, bool) and 0 <= step <= _MAX_INDEX
        if not (is_index or (isinstance(step, str) and step)):
            raise ValueError(f"each step is a name, or an index of a list (0 to {_MAX_INDEX})")
    if not isinstance(value[0], str):
        raise ValueError("the first step is a name")  # noqa: TRY004 - pydantic reports a ValueError
    return tuple(value)


ClaimStep = str | int
ClaimPath = Annotated[tuple[ClaimStep, ...], BeforeValidator(_parse_steps), Field(max_length=_MAX_STEPS)]
"""The path to a claim: a name, or a sequence of names and list indexes."""


def get_claim(claims: Mapping[str, Any], path: tuple[ClaimStep, ...]) -> Any:  # noqa: ANN401 - any JSON
    """The value of the claim; None if it is absent or null.

    Raises `ValueError`, without values of the token, if a step meets another type, such as a text in place of an
    object. Such a token does not match the issuer's entry, so the claim does not count as absent.
    """
    first: Any = path[0]  # a name, as the entry's validation ensures
    value = claims.get(first)
    if len(path) == 1:  # nearly always
        return value
    for step in path[1:]:
        if value is None:
            return None
        if isinstance(step, str):
            if not isinstance(value, Mapping):
                raise ValueError("A step of the path to a claim meets no object.")  # noqa: TRY004 - the token is wrong, not the call
            value = value.get(step)
        else:
            if not isinstance(value, list):
                raise ValueError("A step of the path to a claim meets no list.")  # noqa: TRY004 - the token is wrong, not the call
            value = value[step] if step < len(value) else None
    return value
