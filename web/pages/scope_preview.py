"""The preview of a consent as text: for each scope, the data that the partner would read, with labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from schema.tools.document_fields import DocumentField, DocumentFields
from web.pages.words import Words

Path = tuple[str, ...]

_AREA_FIELDS: Final = frozenset({"TaxObject.landArea", "TaxObject.buildingArea"})
"""Fields with areas in square metres."""


_ROOT_PATH: Final = ("me",)
_OUTER_TYPE_PREFIX: Final = "Consenting."
"""Prefix of the fields by which a partner reaches a person's data. They hold no values themselves."""
_MIN_NESTED_DEPTH: Final = 2
"""Path length of fields directly below `me`. Fields with longer paths are inside an object of a scope."""


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """One entry of an object: its label, and its text or nested objects."""

    label: str
    text: str | None = None
    objects: Sequence[Sequence[PreviewLine]] = ()
    """The lines of each object."""


@dataclass(frozen=True, slots=True)
class FieldMeaning:
    """The meaning of one entry."""

    label: str
    text: str
    language: str
    is_specific: bool


@dataclass(frozen=True, slots=True)
class ScopePreview:
    """The data of one scope."""

    meanings: Sequence[FieldMeaning]
    lines: Sequence[PreviewLine] = ()
    missing: Sequence[str] = ()
    """Sentences about data that cannot be shown."""
    gives: bool = True
    """Whether the scope contains values; some scopes only allow comparisons."""

    @property
    def specific(self) -> str:
        """Whether the entries are specific personal data: `all`, `some` or `none` of them."""
        marks = {each.is_specific for each in self.meanings}
        return "all" if marks == {True} else "some" if True in marks else "none"


def build_scope_previews(
    fields: Sequence[Mapping[str, Any]], shown: DocumentFields, answer: Mapping[str, Any] | None, words: Words
) -> Mapping[str, ScopePreview]:
    """The preview of each scope.

    `fields` are those of the request (`field`, `scope`, `description`, `class`), `shown` are the fields in the document
    of the preview, and `answer` is its response map.
    """
    by_scope: dict[str, list[Mapping[str, Any]]] = {}
    for each in fields:
        by_scope.setdefault(each["scope"], []).append(each)
    every = frozenset(each["field"] for each in fields)
    given = answer or {}
    # Errors of the whole operation have no path (GraphQL specification, 7.1.2).
    errors = {tuple(error.get("path") or _ROOT_PATH): error for error in given.get("errors", ())}
    previews = {}
    for scope, own in by_scope.items():
        wanted = frozenset(each["field"] for each in own)
        reading = _PreviewWalk(shown, wanted, every, words, errors)
        lines = list(reading.walk_lines((), given.get("data") or {}, ()))
        outer = {entry.coordinate for entry in shown.values() if not entry.is_leaf}
        meanings = [
            _build_meaning(each, words)
            for each in own
            if each["field"] not in outer and not each["field"].startswith(_OUTER_TYPE_PREFIX)
        ]
        gives = any(entry.coordinate in wanted for entry in shown.values())
        previews[scope] = ScopePreview(meanings, lines, list(reading.missing), gives)
    return previews


@dataclass(slots=True)
class _PreviewWalk:
    """A walk through the response, along the shown fields."""

    shown: DocumentFields
    wanted: frozenset[str]
    fields_of_all_scopes: frozenset[str]
    """The fields of all scopes."""
    words: Words
    errors: Mapping[tuple[str | int, ...], Mapping[str, Any]]
    missing: dict[str, None] = field(default_factory=dict)

    def walk_lines(self, path: Path, value: Mapping[str, Any], place: tuple[str | int, ...]) -> Iterator[PreviewLine]:
        """The lines of one object that belong to the scope."""
        for inner in self._find_children(path):
            entry, name = self.shown[inner], inner[-1]
            if not self._belongs_to_scope(inner):
                continue
            here = (*place, name)
            error = self._find_error(here)
            found = value.get(name)
            if error is not None and len(inner) == 1:  # the whole person
                self._explain_error(error)
            elif error is not None:
                yield PreviewLine(_get_label(entry.coordinate, self.words), self._explain_error(error))
            elif entry.is_leaf:
                yield PreviewLine(_get_label(entry.coordinate, self.words), _format_values(entry, found, self.words))
            elif isinstance(found, list):
                objects = [self._walk_object(inner, each, (*here, at)) for at, each in enumerate(found)]
                yield self._build_list_line(entry, objects)
            elif not isinstance(found, Mapping):
                yield PreviewLine(_get_label(entry.coordinate, self.words), self.words["values"]["none"])
            elif len(inner) == 1:
                yield from self.walk_lines(inner, found, here)  # `me`, the person
            else:
                lines = [f"{each.label}: {each.text}" for each in self.walk_lines(inner, found, here)]
                yield PreviewLine(_get_label(entry.coordinate, self.words), "; ".join(lines))

    def _walk_object(
        self, path: Path, found: Mapping[str, Any] | None, place: tuple[str | int, ...]
    ) -> Sequence[PreviewLine]:
        if found is not None:
            return list(self.walk_lines(path, found, place))
        return [
            PreviewLine(
                _get_label(self.shown[path].coordinate, self.words), self._explain_error(self._find_error(place) or {})
            )
        ]

    def _build_list_line(self, entry: DocumentField, objects: Sequence[Sequence[PreviewLine]]) -> PreviewLine:
        label = _get_label(entry.coordinate, self.words)
        return PreviewLine(label, None if objects else self.words["values"]["none"], objects)

    def _find_children(self, path: Path) -> Iterator[Path]:
        return (each for each in self.shown if each[:-1] == path)

    def _belongs_to_scope(self, path: Path) -> bool:
        """Whether the field or one below it belongs to the scope, or is public beside fields of the scope."""
        entry = self.shown[path]
        if entry.coordinate in self.wanted:
            return True
        if entry.is_leaf:
            return len(path) > _MIN_NESTED_DEPTH and entry.coordinate not in self.fields_of_all_scopes
        return any(each[: len(path)] == path and self.shown[each].coordinate in self.wanted for each in self.shown)

    def _find_error(self, place: tuple[str | int, ...]) -> Mapping[str, Any] | None:
        """The error of the value at this place, or of an object around it."""
        return next((self.errors[place[:end]] for end in range(len(place), 0, -1) if place[:end] in self.errors), None)

    def _explain_error(self, error: Mapping[str, Any]) -> str:
        values = self.words["values"]
        extensions = error.get("extensions") or {}
        agency = extensions.get("agency")
        if agency is not None:
            text = str(values["down"]).format(agency=self.words.name_agency(agency))
        else:
            text = str(values["unsure" if extensions.get("reason") == "ASSURANCE_TOO_LOW" else "hidden"])
        self.missing[text] = None
        return text


def _build_meaning(entry: Mapping[str, Any], words: Words) -> FieldMeaning:
    """The meaning in the language of the page, else the graph's English description."""
    own = words.named("meanings", entry["field"], "")
    return FieldMeaning(
        label=_get_label(entry["field"], words),
        text=own or entry["description"],
        language=words.language if own else "en",
        is_specific=entry["class"] == "SPECIFIC",
    )


def _get_label(coordinate: str, words: Words) -> str:
    return words.caption(coordinate, coordinate.rpartition(".")[2])


def _format_values(entry: DocumentField, value: object, words: Words) -> str:
    if isinstance(value, list):
        return "; ".join(_format_value(entry, each, words) for each in value) or str(words["values"]["none"])
    return _format_value(entry, value, words)


def _format_value(entry: DocumentField, value: Any, words: Words) -> str:  # noqa: ANN401 - any scalar's JSON
    """One value as text."""
    values = words["values"]
    if value is None or value == "":
        return str(values["none"])
    if isinstance(value, bool):
        return str(values["yes" if value else "no"])
    match entry.type:
        case "Rupiah":
            text = str(values["rupiah"]).format(value=words.number(value))
        case "Date":
            text = words.day(value)
        case "DateTime":
            text = words.moment(value)
        case _ if entry.coordinate in _AREA_FIELDS:
            text = str(values["area"]).format(value=words.number(value))
        case _:
            text = words.caption(f"{entry.type}.{value}", str(value))
    return text
