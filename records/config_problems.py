"""What is wrong with a value of a configuration file, in words that say what to write."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any, Final

_WANTED: Final[Mapping[str, str]] = {
    "bool": "true or false, without quotes",
    "date": "a date without quotes, such as 2027-01-31",
    "dict": "a table",
    "float": "a number, without quotes",
    "frozen_set": "a list in [ ]",
    "int": "a whole number, without quotes",
    "list": "a list in [ ]",
    "mapping": "a table",
    "model": "a table",
    "set": "a list in [ ]",
    "string": "a text in quotes",
    "tuple": "a list in [ ]",
}
"""By the first word of pydantic's type of an error: `int_parsing` begins with `int`."""
_BOUNDS: Final[Mapping[str, tuple[str, str]]] = {
    "greater_than": ("gt", "a number above {}"),
    "greater_than_equal": ("ge", "a number of at least {}"),
    "less_than": ("lt", "a number below {}"),
    "less_than_equal": ("le", "a number of at most {}"),
    "string_pattern_mismatch": ("pattern", "a text of the form {}"),
    "string_too_long": ("max_length", "at most {} signs"),
    "string_too_short": ("min_length", "at least {} sign"),
    "too_long": ("max_length", "at most {} entries"),
    "too_short": ("min_length", "at least {} entry"),
}


def describe_wrong_value(kind: str, context: Mapping[str, Any], message: str) -> str:
    """What to write in place of a value, from pydantic's type of the error, its context and its message.

    https://docs.pydantic.dev/latest/errors/validation_errors/
    """
    if kind == "missing":
        return "this key is missing; write it"
    if kind in {"literal_error", "enum"} and "(" not in context["expected"]:
        return f"write one of {context['expected'].replace(' or ', ', ')}"
    if kind == "enum":
        return "not one of the known words; see the page of this table"
    if kind in _BOUNDS:
        name, wanted = _BOUNDS[kind]
        return f"write {wanted.format(context[name])}"
    if kind in {"value_error", "assertion_error"}:
        return message.partition(", ")[2]
    words = [word for word in _WANTED if kind == word or kind.startswith(f"{word}_")]
    return f"write {_WANTED[max(words, key=len)]}" if words else message


def describe_unknown_key(key: str, table: str, allowed: Collection[str]) -> str:
    """What to do about a key that its table does not have."""
    near = get_close_matches(key, allowed, n=1)
    has = f"[{table}] has {', '.join(sorted(allowed))}" if table else f"a manifest has {', '.join(sorted(allowed))}"
    return f"unknown key; {f'write {near[0]}, or ' if near else ''}remove it: {has}"
