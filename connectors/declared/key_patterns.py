"""The keys that a manifest allows in a request: regular expressions of their texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from connectors.declared.domain_reads import KEY, find_plain_type
from connectors.declared.read_records import NUMBER
from connectors.declared.record_readers import PERSONAL_NUMBERS
from connectors.declared.tables import KeyedReadTable, NotDeclarableError

_MAX_KEY_LENGTH: Final = 200
_TEXT: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", re.ASCII)
"""Of texts without a pattern: no sign of it means anything in a path, a query or a list with commas."""
_PERSON: Final = re.compile(r"[0-9]{16}", re.ASCII)


@dataclass(frozen=True, slots=True)
class KeyPatterns:
    """The regular expressions of the texts of a key, by their parts."""

    texts: Mapping[str, re.Pattern[str]]
    """Of each text, as declared or by its type."""
    declared: frozenset[str]

    def select_checked(self, sent: Collection[str]) -> Mapping[str, re.Pattern[str]]:
        """Those that a key must have: of parts that are sent, and of a key with a declared form."""
        return {name: each for name, each in self.texts.items() if name in sent or name in self.declared & {KEY}}


def compile_patterns(place: str, table: KeyedReadTable, parts: Mapping[str, object]) -> KeyPatterns:
    """The patterns of a key with these parts, by name with their types. Raises `NotDeclarableError`."""
    if table.key_type == "number":
        if table.key_pattern or KEY not in parts:
            raise NotDeclarableError(f"{place}.key_type", "a number has its own pattern; give key_type or key_pattern")
        return KeyPatterns({KEY: NUMBER}, frozenset({KEY}))
    texts = {name: kind for name, kind in parts.items() if find_plain_type(kind) is str}
    given = table.key_pattern or {}
    declared = dict.fromkeys(texts, given) if isinstance(given, str) else dict(given)
    if unknown := sorted(declared.keys() - texts.keys()):
        problem = f"'{unknown[0]}' is not a text of the key; it has {', '.join(texts) or 'none'}"
        raise NotDeclarableError(f"{place}.key_pattern", problem)
    patterns = {name: _PERSON if kind in PERSONAL_NUMBERS else _TEXT for name, kind in texts.items()}
    for name, pattern in declared.items():
        try:
            patterns[name] = re.compile(pattern, re.ASCII)
        except re.error as error:
            raise NotDeclarableError(f"{place}.key_pattern", f"not a regular expression: {error}") from None
    return KeyPatterns(patterns, frozenset(declared))


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
        (text := getattr(key, name)) is None or (len(text) <= _MAX_KEY_LENGTH and each.fullmatch(text))
        for name, each in checks
    )
