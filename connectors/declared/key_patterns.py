"""The keys that a manifest allows in a request: regular expressions of their texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from connectors.declared.domain_reads import KEY
from connectors.declared.read_records import NUMBER
from connectors.declared.tables import KeyedReadTable, NotDeclarableError

_MAX_KEY_LENGTH: Final = 200


def compile_patterns(place: str, table: KeyedReadTable, types: Mapping[str, object]) -> Mapping[str, re.Pattern[str]]:
    """The regular expressions of the texts of a key, by their parts. Raises `NotDeclarableError`."""
    given = {KEY: table.key_pattern} if isinstance(table.key_pattern, str) else dict(table.key_pattern or {})
    if table.key_type == "number":
        if given or KEY not in types:
            raise NotDeclarableError(f"{place}.key_type", "a number has its own pattern; give key_type or key_pattern")
        return {KEY: NUMBER}
    patterns: dict[str, re.Pattern[str]] = {}
    for name, pattern in given.items():
        if types.get(name) is not str:
            texts = ", ".join(each for each, kind in types.items() if kind is str)
            raise NotDeclarableError(
                f"{place}.key_pattern", f"'{name}' is not a text of the key; it has {texts or 'none'}"
            )
        try:
            patterns[name] = re.compile(pattern, re.ASCII)
        except re.error as error:
            raise NotDeclarableError(f"{place}.key_pattern", f"not a regular expression: {error}") from None
    return patterns


def build_form_check(
    patterns: Mapping[str, re.Pattern[str]], *, excludes_commas: bool = False
) -> Callable[[Any], bool]:
    """The function that says whether a key has the declared form."""
    if not patterns:
        return lambda _: True
    if (pattern := patterns.get(KEY)) is not None:
        matches = pattern.fullmatch
        if excludes_commas:
            return lambda key: len(key) <= _MAX_KEY_LENGTH and "," not in key and matches(key) is not None
        return lambda key: len(key) <= _MAX_KEY_LENGTH and matches(key) is not None
    checks = tuple(patterns.items())
    return lambda key: all(
        len(text := getattr(key, name)) <= _MAX_KEY_LENGTH and each.fullmatch(text) for name, each in checks
    )
