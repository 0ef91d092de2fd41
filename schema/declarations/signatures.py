"""Signatures of the functions that declare fields: parameters of the hub, and GraphQL arguments of callers."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from strawberry.annotation import StrawberryAnnotation

_CONTEXT_PARAMETERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "agencies": lambda context: context.agencies,
    "language": lambda context: context.call.language,
}
_HUB_PARAMETERS: Final = ("record", "caller", *_CONTEXT_PARAMETERS)


def takes_caller(function: Callable[..., Any]) -> bool:
    """Whether the function needs the caller."""
    return "caller" in inspect.signature(function).parameters


def find_context_parameters(function: Callable[..., Any]) -> Mapping[str, Callable[[Any], Any]]:
    """The parameters that the function takes from the request's context, each with its value by the context.

    They are what the hub has bound, such as the city's service levels, and the caller's language.
    """
    wanted = inspect.signature(function).parameters
    return {name: get for name, get in _CONTEXT_PARAMETERS.items() if name in wanted}


def build_key_function(source: str | Callable[..., Any]) -> Callable[[Any, Mapping[str, Any], Any], Any]:
    """Builds the function from record, arguments and caller to the key. `source` is an attribute or a function."""
    if isinstance(source, str):
        return lambda record, _arguments, _caller: getattr(record, source)
    wants = inspect.signature(source).parameters
    # One function for each signature: it is called for each record.
    if "record" in wants and "caller" in wants:
        return lambda record, arguments, caller: source(record=record, caller=caller, **arguments)
    if "record" in wants:
        return lambda record, arguments, _caller: source(record=record, **arguments)
    if "caller" in wants:
        return lambda _record, arguments, caller: source(caller=caller, **arguments)
    return lambda _record, arguments, _caller: source(**arguments)


def without_hub_parameters(function: Callable[..., Any]) -> Callable[..., Any]:
    """Builds a placeholder function without the hub's parameters, from which Strawberry reads the arguments."""
    signature = inspect.signature(function)
    kept = [parameter for name, parameter in signature.parameters.items() if name not in _HUB_PARAMETERS]

    def placeholder() -> None:
        raise TypeError(f"{function.__name__} is a declaration and is never called by Strawberry.")

    placeholder.__name__ = function.__name__
    placeholder.__qualname__ = function.__qualname__
    placeholder.__module__ = function.__module__
    placeholder.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]  # inspect reads it
    placeholder.__annotations__ = {
        name: note for name, note in function.__annotations__.items() if name not in _HUB_PARAMETERS
    }
    return placeholder


def build_annotation(returns: Any, declared_by: Callable[..., Any]) -> StrawberryAnnotation:  # noqa: ANN401 - any annotation
    """Builds the field's type; names are resolved in the module that declares the field."""
    return StrawberryAnnotation(returns, namespace=vars(sys.modules[declared_by.__module__]))
