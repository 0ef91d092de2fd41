"""Request headers with a fast lookup by name."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar, overload

from starlette.datastructures import Headers
from starlette.types import Scope

T = TypeVar("T")

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - a grammar, no secret
"""The `token` of the HTTP grammar (RFC 9110, section 5.6.2), as a regular expression."""


@lru_cache(maxsize=64)
def _to_wire_name(name: str) -> bytes:
    """The name as in ASGI. Only a dozen names are looked up, all from the hub's code."""
    return name.lower().encode("latin-1")


class RequestHeaders(Headers):
    """Starlette's headers with a dictionary for lookups by name.

    If any header is repeated, lookups search the list, as in Starlette: `getlist` returns all values, `get` the first.
    """

    def __init__(self, scope: Scope) -> None:
        self._list = scope["headers"]  # all that Starlette's `__init__` does with them
        self._by_name: dict[bytes, bytes] = dict(scope["headers"])
        self._has_no_repeats = len(self._by_name) == len(scope["headers"])

    @overload
    def get(self, key: str, default: None = None, /) -> str | None: ...
    @overload
    def get(self, key: str, default: str, /) -> str: ...
    @overload
    def get(self, key: str, default: T, /) -> str | T: ...
    def get(self, key: str, default: object = None, /) -> object:
        """The value, or the first of several."""
        if not self._has_no_repeats:
            return super().get(key, default)
        value = self._by_name.get(_to_wire_name(key))
        return default if value is None else value.decode("latin-1")

    def getlist(self, key: str) -> list[str]:
        """All values."""
        if not self._has_no_repeats:
            return super().getlist(key)
        value = self._by_name.get(_to_wire_name(key))
        return [] if value is None else [value.decode("latin-1")]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and _to_wire_name(key) in self._by_name
