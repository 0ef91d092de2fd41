"""The exit to Python: functions of the hub's connectors that a manifest names for what is too odd to declare."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from connectors.declared.tables import NotDeclarableError

_NO_RESOURCES: Final[Mapping[type[Any], Any]] = {}


def find_function(
    place: str, name: str, parameters: int, returns: object, resources: Mapping[type[Any], Any] = _NO_RESOURCES
) -> Callable[..., Any]:
    """The function `connectors.module:name`, which takes `parameters` values and returns the type, or None.

    Parameters that have only a name get the resource of their type.

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
    hints = get_type_hints(found)
    given = inspect.signature(found).parameters.values()
    named = {each.name: hints.get(each.name) for each in given if each.kind is inspect.Parameter.KEYWORD_ONLY}
    if (taken := len(given) - len(named)) != parameters:
        raise NotDeclarableError(place, f"{function_name} takes {taken} values; it is given {parameters}")
    if unknown := [parameter for parameter, kind in named.items() if kind not in resources]:
        raise NotDeclarableError(place, f"{function_name} asks for '{unknown[0]}', which the hub does not give")
    if split_optional(hints.get("return"))[0] != returns:
        raise NotDeclarableError(place, f"{function_name} returns another type than is needed here")
    return partial(found, **{parameter: resources[kind] for parameter, kind in named.items()}) if named else found  # type: ignore[index]  # it is one of the types


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
