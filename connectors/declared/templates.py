"""Texts with placeholders, compiled to Python expressions. They use `key`, `page` and what `EXPRESSION_NAMES` names.

Of a caller, only keys that match a declared pattern get into a request, encoded for their place.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import quote

from connectors.declared.domain_reads import KEY
from connectors.declared.tables import NotDeclarableError
from records.clocks import CITY_TIME_ZONE


def _get_city_day() -> str:
    return datetime.now(CITY_TIME_ZONE).date().isoformat()


EXPRESSION_NAMES: Final[Mapping[str, Any]] = {"quote": quote, "get_city_day": _get_city_day}
"""The functions that expressions call."""
_TODAY: Final = "today"
KEYS: Final = "keys"
CURSOR: Final = "cursor"
_COLUMNS: Final = "columns"
_SIZE: Final = "size"
_COUNTERS: Final = ("offset", "page")
"""Placeholders that the request for the first page has, too."""
_PLACEHOLDER: Final = re.compile(r"\{([a-z_][a-z0-9_]*)(?::(0[1-9]|[%dmYy/. -]{2,20}))?\}")
_FORMS: Final[Mapping[object, str]] = {int: "01", date: "%Y-%m-%d"}
"""How numbers and days are written without a form of their own."""
_NAME: Final = re.compile(r"[\w.~\[\]-]+", re.ASCII)
_NO_SEGMENTS: Final = ("", ".", "..")
"""Keys that would change the other parts of a path."""


class VerbatimText(str):
    """A text of a request in which braces are no placeholders."""

    __slots__ = ()


class TemplateWriter:
    """Writes the expressions of one request."""

    def __init__(
        self,
        types: Mapping[str, object],
        patterns: Mapping[str, re.Pattern[str]],
        *,
        page: Mapping[str, int | str],
        sends_numbers: bool,
        columns: Sequence[str] = (),
        optional: Collection[str] = (),
    ) -> None:
        """Take the parts of the key, with the patterns of texts; `tuple` is the type of several texts.

        `page` has the placeholders of pages, with their value if it is the same on each page, or else its expression.
        With `sends_numbers`, keys are numbers in JSON. `columns` are those that an answer needs. Members with an
        `optional` part are left out where it is None.
        """
        self._types = types
        self._patterns = patterns
        self._page = {_TODAY: "get_city_day()", **page}
        self._sends_numbers = sends_numbers
        self._columns = columns
        self._optional = optional
        self.used: set[str] = set()
        """The placeholders so far."""
        self.joins_keys = False
        """Whether the keys of a call are in one text, with commas between them."""

    def write_parameters(self, place: str, parameters: Mapping[str, str | Sequence[str]]) -> str:
        """The expression of a query or a form."""
        members = []
        for name, value in parameters.items():
            if not _NAME.fullmatch(name):
                raise NotDeclarableError(
                    place, f"'{name}' is not the name of a parameter: write letters, digits and -._~[]"
                )
            where = f"{place}.{name}"
            if isinstance(value, str):
                members.append((name, self._find_absence(value), self.write(where, value)))
            else:
                texts = ", ".join(self._write_repeated(where, each) for each in value)
                members.append((name, self._find_absence(*value), f"[{texts}]"))
        return _write_object(members)

    def write_json(self, place: str, value: object) -> str:
        """The expression of a value in a JSON body."""
        if isinstance(value, Mapping):
            members = [
                (name, self._find_absence(each), self.write_json(f"{place}.{name}", each))
                for name, each in value.items()
            ]
            return _write_object(members)
        if isinstance(value, list | tuple):
            return f"[{', '.join(self.write_json(place, each) for each in value)}]"
        if isinstance(value, VerbatimText):
            return repr(str(value))
        if isinstance(value, str):
            return self._write_json_text(place, value)
        if value is None or isinstance(value, bool | int | float):
            return repr(value)
        raise NotDeclarableError(place, "a JSON body has texts, numbers, true, false, lists and tables; write a text")

    def write(self, place: str, template: str, *, is_path: bool = False) -> str:
        """The expression of a text with placeholders."""
        parts: list[str] = []
        rest = 0
        for found in _PLACEHOLDER.finditer(template):
            parts += [
                repr(template[rest : found.start()]),
                self._write_part(place, found[1], found[2], is_path=is_path),
            ]
            rest = found.end()
        literal = "".join(_PLACEHOLDER.split(template)[::3])
        if "{" in literal or "}" in literal:
            raise NotDeclarableError(place, f"a brace without a placeholder; write one of {self._list_placeholders()}")
        return " + ".join(each for each in [*parts, repr(template[rest:])] if each != "''") or "''"

    def _write_repeated(self, place: str, template: str) -> str:
        """The values of a repeated parameter."""
        if template == f"{{{_COLUMNS}}}":
            return f"*{list(self._columns)!r}"
        found = _PLACEHOLDER.fullmatch(template)
        if found is not None and self._types.get(found[1]) is tuple:
            return f"*{self._use(found[1])}"
        return "*key" if self._is_keys(template) else self.write(place, template)

    def _write_json_text(self, place: str, template: str) -> str:
        """A placeholder that is the whole text keeps its type."""
        found = _PLACEHOLDER.fullmatch(template)
        name = found[1] if found is not None and found[2] is None else ""
        if name == _COLUMNS:
            return repr(list(self._columns))
        if self._is_keys(template):
            return "[int(each) for each in key]" if self._sends_numbers else "list(key)"
        if name in self._page or self._types.get(name) is int:
            return self._use(name)
        if self._types.get(name) is tuple:
            return f"list({self._use(name)})"
        expression = self.write(place, template)
        return f"int({expression})" if name == KEY and self._sends_numbers else expression

    def _write_part(self, place: str, name: str, form: str | None, *, is_path: bool) -> str:
        if name in self._page:
            return f"str({self._use(name)})"
        if name == _COLUMNS:
            joined = ",".join(self._columns)
            return repr(quote(joined, safe=",") if is_path else joined)
        return self._write_key_part(place, name, form, is_path=is_path)

    def _write_key_part(self, place: str, name: str, form: str | None, *, is_path: bool) -> str:
        part = KEY if name == KEYS and self._types.keys() == {KEY} else name
        if part not in self._types:
            raise NotDeclarableError(place, f"the key has no part '{name}'; write one of {self._list_placeholders()}")
        value = self._use(name)
        if is_path and part in self._optional:
            raise NotDeclarableError(place, f"callers can leave out '{name}', which a path cannot: send it elsewhere")
        if self._types[part] is tuple:
            return f"','.join({value})"
        if (default := _FORMS.get(self._types[part])) is not None:
            if form is not None and form[0] != default[0]:
                fix = f"write {{{name}:04}} for a number, and {{{name}:%d-%m-%Y}} for a day"
                raise NotDeclarableError(place, f"{{{name}:{form}}} is of another type; {fix}")
            written = f"format({value}, {form or default!r})"
            return f"quote({written}, safe='')" if is_path else written
        if self._types[part] is not str:
            raise NotDeclarableError(place, f"{{{name}}} is neither a text, a number nor a day; it cannot be sent")
        if form is not None:
            raise NotDeclarableError(place, f"{{{name}}} is not a number; write {{{name}}}")
        self._require_pattern(place, name, part, is_path=is_path)
        if name == KEYS:
            self.joins_keys = True
            value = "','.join(key)"
        return f"quote({value}, safe={',' if name == KEYS else ''!r})" if is_path else value

    def _require_pattern(self, place: str, name: str, part: str, *, is_path: bool) -> None:
        pattern = self._patterns[part]
        if is_path and any(pattern.fullmatch(each) for each in _NO_SEGMENTS):
            raise NotDeclarableError(place, f"the pattern of {{{name}}} allows an empty text, '.' or '..' in the path")

    def _is_keys(self, template: str) -> bool:
        """Whether a text stands for the list of all keys."""
        if template != f"{{{KEYS}}}" or self._types.keys() != {KEY} or KEY not in self._patterns:
            return False
        self.used.add(KEYS)
        return True

    def _find_absence(self, *values: object) -> str:
        """The condition under which a member is left out; empty for a member that is always sent."""
        texts = [each for each in values if isinstance(each, str) and not isinstance(each, VerbatimText)]
        names = {found[1] for each in texts for found in _PLACEHOLDER.finditer(each)}
        conditions = ["page is None"] if names & self._page.keys() - {_SIZE, _TODAY, *_COUNTERS} else []
        parts = sorted(names.intersection(self._optional))
        return " or ".join([*conditions, *(f"key.{each} is None" for each in parts)])

    def _use(self, name: str) -> str:
        self.used.add(name)
        if name in self._page:
            value = self._page[name]
            return value if isinstance(value, str) else repr(value)
        return "key" if name in {KEY, KEYS} else f"key.{name}"

    def _list_placeholders(self) -> str:
        return ", ".join(f"{{{each}}}" for each in [*self._types, *self._page] if each != _TODAY)


def list_page_placeholders(by: str, size: int, position: Sequence[str] = ()) -> Mapping[str, int | str]:
    """The placeholders of pages, with their value if it is the same on each page, or else its expression.

    `position` has the placeholders for the last record of a page, whose values are a tuple.
    """
    own = {"offset": ["offset"], "page": ["page"], "cursor": [CURSOR], "record": position}.get(by, [])
    return {_SIZE: size} | {name: f"page[{at}]" if by == "record" else "page" for at, name in enumerate(own)}


def _write_object(members: Sequence[tuple[str, str, str]]) -> str:
    """The expression of an object; a member with a condition is left out where it holds."""
    written = (
        f"**({{}} if {absence} else {{{name!r}: {value}}})" if absence else f"{name!r}: {value}"
        for name, absence, value in members
    )
    return f"{{{', '.join(written)}}}"
