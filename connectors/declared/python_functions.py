"""The exit to Python: functions of the hub's connectors that a manifest names for what is too odd to declare."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from connectors.declared.tables import NotDeclarableError


def find_function(place: str, name: str, parameters: int, returns: object) -> Callable[..., Any]:
    """The function `connectors.module:name`, which takes `parameters` values and returns the type, or None.

    Raises:
        NotDeclarableError: There is no such function, or it does not fit.

    """
    module_name, _, function_name = name.partition(":")
    if any(find_spec(each) is None for each in _list_packages(module_name)):
        raise NotDeclarableError(place, f"there is no module {module_name}")
    module = import_module(module_name)
    found = getattr(module, function_name, None)
    if not inspect.isfunction(found) or found.__module__ != module_name:
        raise NotDeclarableError(place, f"{module_name} has no function '{function_name}'")
    taken = len(inspect.signature(found).parameters)
    if taken != parameters:
        raise NotDeclarableError(place, f"{function_name} takes {taken} values; it is given {parameters}")
    given = split_optional(get_type_hints(found).get("return"))[0]
    if given != returns:
        raise NotDeclarableError(place, f"{function_name} returns another type than is needed here")
    return found


def split_optional(annotation: object) -> tuple[Any, bool]:
    """A type without None, and whether None was in it."""
    if get_origin(annotation) in {Union, UnionType}:
        parts = [each for each in get_args(annotation) if each is not NoneType]
        if len(parts) == 1:
            return parts[0], True
    return annotation, False


def _list_packages(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]
