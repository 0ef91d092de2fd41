"""What the functions that declare fields say by their signatures: what the hub gives them, and what callers give."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any

from strawberry.annotation import StrawberryAnnotation

_HUB_PARAMETERS = ("record", "caller")


def takes_caller(function: Callable[..., Any]) -> bool:
    """Whether the key depends on who asks."""
    return "caller" in inspect.signature(function).parameters


def build_key_function(source: str | Callable[..., Any]) -> Callable[[Any, Mapping[str, Any], Any], Any]:
    """From record, arguments and caller to the key, an attribute of the record or what `source` makes of them."""
    if isinstance(source, str):
        return lambda record, _arguments, _caller: getattr(record, source)
    wants = inspect.signature(source).parameters
    given = [name for name in _HUB_PARAMETERS if name in wants]

    def key(record: Any, arguments: Mapping[str, Any], caller: Any) -> Any:  # noqa: ANN401 - any record and key
        hub = {"record": record, "caller": caller}
        return source(**{name: hub[name] for name in given}, **arguments)

    return key


def without_hub_parameters(function: Callable[..., Any]) -> Callable[..., Any]:
    """A stand-in with the parameters that the caller of the graph fills; Strawberry makes arguments of them."""
    signature = inspect.signature(function)
    kept = [parameter for name, parameter in signature.parameters.items() if name not in _HUB_PARAMETERS]

    def stand_in() -> None:
        raise TypeError(f"{function.__name__} is a declaration and is never called by Strawberry.")

    stand_in.__name__ = function.__name__
    stand_in.__qualname__ = function.__qualname__
    stand_in.__module__ = function.__module__
    stand_in.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]  # inspect reads it
    stand_in.__annotations__ = {
        name: note for name, note in function.__annotations__.items() if name not in _HUB_PARAMETERS
    }
    return stand_in


def build_annotation(returns: Any, declared_by: Callable[..., Any]) -> StrawberryAnnotation:  # noqa: ANN401 - any annotation
    """The field's type, with names as the module knows them in which the field is declared."""
    return StrawberryAnnotation(returns, namespace=vars(sys.modules[declared_by.__module__]))
