"""Proposes the columns of records, with what a person must decide beside each field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, is_dataclass, replace
from enum import Enum
from typing import Any, Final, get_args, get_origin, get_type_hints

from cli.agencies.onboarding.matching import SURE_SCORE, FieldMatch, RecordMatch, find_nearest, match_record, rate_name
from cli.agencies.onboarding.shapes import RowShape
from connectors.declared.python_functions import split_optional
from connectors.declared.record_readers import KEY_COLUMN, PERSONAL_NUMBERS
from records.description import Doc
from records.regions import Coordinates

Table = dict[str, Any]
_FOREIGN_SCORE: Final = 92
_MAX_LEFT: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """A table that holds the person of another table's rows, or other values that its record needs."""

    shape: RowShape
    shared: str
    """The column of both tables."""
    columns: Sequence[str]
    """The columns that are taken from it."""


class RecordProposer:
    """Matches records with rows, and writes their tables."""

    def __init__(self, *, is_sql: bool, repeats_no_key: bool) -> None:
        """`repeats_no_key` says that replies need not hold the key they answer."""
        self.matches: dict[str, RecordMatch] = {}
        self.notes: dict[str, str] = {}
        """What a person must decide, by the place in the manifest."""
        self.unsure: dict[str, str] = {}
        """What a person should look at, by the place."""
        self.keyed: dict[tuple[str, str], None] = {}
        """Records and fields that the request's key is about."""
        self.joins: dict[str, Join] = {}
        """By record: where the person of its rows is, or what else they lack."""
        self._is_sql = is_sql
        self._repeats_no_key = repeats_no_key
        self._lists: dict[tuple[str, str], str] = {}
        self._parents: dict[str, RecordMatch] = {}

    def add(self, match: RecordMatch) -> None:
        """Add a record, and the records within it, each in the same rows or in a list of them."""
        name = match.record.__name__
        if name in self.matches:
            return
        self.matches[name] = match
        for field, annotation in get_type_hints(match.record).items():
            inner = split_optional(annotation)[0]
            if is_dataclass(inner) and inner is not Coordinates:
                self._add_inner(match_record(inner, match.shape))  # type: ignore[arg-type] # a class
            elif (listed := _find_listed(inner)) is not None:
                self._add_list(match, field, listed)

    def _add_inner(self, match: RecordMatch) -> None:
        """Add a record within rows; if other rows have it, too, its texts may be in the columns of both."""
        name = match.record.__name__
        known = self.matches.get(name)
        if known is None or self._is_sql:
            self.add(match)
            return
        self.matches[name] = replace(known, fields=list(map(_join_columns, known.fields, match.fields)))

    def _add_list(self, match: RecordMatch, field: str, listed: type[Any]) -> None:
        name, lists = match.record.__name__, match.shape.lists
        found = [(column, match_record(listed, each)) for column, each in lists.items()]
        column, inner = max(found, key=lambda each: each[1].score + rate_name(each[1]), default=("", None))
        self._lists[name, field] = column
        if inner is None:
            inner = match_record(listed, RowShape(name=field, columns={}))
        self._parents[listed.__name__] = match
        self.add(inner)

    def add_foreign_keys(self) -> None:
        """Find identifiers of other records, and values in other tables, by columns that both tables have."""
        for name, match in list(self.matches.items()):
            for other in self.matches.values():
                shared = other.find_column("id")
                if other.shape is match.shape or shared is None or shared not in match.shape.columns:
                    continue
                changed = [
                    replace(each, columns=(shared,), score=_FOREIGN_SCORE)
                    if not each.columns and each.field == f"{other.record.__name__.lower()}_id"
                    else each
                    for each in match.fields
                ]
                if self._is_sql:
                    changed = self._join(replace(match, fields=changed), other, shared)
                self.matches[name] = replace(match, fields=changed)
                break

    def _join(self, match: RecordMatch, other: RecordMatch, shared: str) -> list[FieldMatch]:
        """The fields of a record, with those that only the other table has, if it has one that must have a value."""
        lacking = [each for each in match.fields if not each.columns]
        named = match_record(match.record, other.shape)
        taken: dict[str, str] = {}
        for each in lacking:
            if each.wanted in PERSONAL_NUMBERS:
                column = other.find_column(each.field)
            else:
                sure = next((found for found in named.fields if found.field == each.field), each)
                column = sure.columns[0] if len(sure.columns) == 1 and sure.score >= SURE_SCORE else None
                column = None if column in match.shape.columns else column
            if column is not None:
                taken[each.field] = column
        if not any(each.field in taken and not each.is_optional for each in lacking):
            return list(match.fields)
        self.joins[match.record.__name__] = Join(shape=other.shape, shared=shared, columns=list(taken.values()))
        return [
            replace(each, columns=(taken[each.field],), score=_FOREIGN_SCORE) if each.field in taken else each
            for each in match.fields
        ]

    def build(self) -> Mapping[str, Table]:
        """The tables of all records."""
        tables = {name: self._build_record(match) for name, match in self.matches.items()}
        for name, match in self.matches.items():
            taken = {
                column for other in self.matches.values() if other.shape is match.shape for column in other.columns
            }
            left = [each for each in match.shape.columns if each not in taken and each not in self.list_keys()]
            if left:
                more = f" and {len(left) - _MAX_LEFT} more" if len(left) > _MAX_LEFT else ""
                self.unsure[f"records.{name}"] = f"no field takes {', '.join(left[:_MAX_LEFT])}{more}"
        return tables

    def list_keys(self) -> frozenset[str]:
        """Columns that relate tables."""
        return frozenset(each.shared for each in self.joins.values())

    def _build_record(self, match: RecordMatch) -> Table:
        name, table = match.record.__name__, Table()
        for each in match.fields:
            place = f"records.{name}.{each.field}"
            column = self._choose_column(place, match, each)
            if column == [] and each.is_optional:
                table[each.field] = []
                self.unsure[place] = f"none found: {_describe(match.record, each.field)}"
            else:
                table[each.field] = self._build_field(place, match, each, column or "?")
        for (record, field), column in self._lists.items():
            if record == name:
                table[field] = column or "?"
                if not column:
                    self.notes[f"records.{name}.{field}"] = "name the list within each row; none resembles it"
        return table

    def _choose_column(self, place: str, match: RecordMatch, field: FieldMatch) -> Any:  # noqa: ANN401 - a column, or several
        if field.columns:
            if field.score < SURE_SCORE:
                self.unsure[place] = f"is it this one? {_describe(match.record, field.field)}"
            return list(field.columns) if len(field.columns) > 1 else field.columns[0]
        parent, outer = self._parents.get(match.record.__name__), "^."
        while parent is not None:
            if (column := parent.find_column(field.field)) is not None:
                return f"{outer}{column}"
            if (parent.record.__name__, field.field) in self.keyed:
                return KEY_COLUMN
            parent, outer = self._parents.get(parent.record.__name__), f"{outer}^."
        if (match.record.__name__, field.field) in self.keyed:
            return KEY_COLUMN
        if self._repeats_no_key and field.wanted in PERSONAL_NUMBERS:
            self.notes[place] = "no column repeats the number; this needs WS-Addressing"
            return KEY_COLUMN
        if not field.is_optional:
            self.notes[place] = f"name the column; none resembles it: {_describe(match.record, field.field)}"
        return []

    def _build_field(self, place: str, match: RecordMatch, field: FieldMatch, column: Any) -> Any:  # noqa: ANN401 - a field of a manifest
        if field.wanted is bool:
            self.notes[place] = "write the agency's words for yes; every other word means no"
            words = match.shape.words.get(column, ["Y"]) if isinstance(column, str) else ["Y"]
            return {"from": column, "values": {words[0]: True}, "unknown": False}
        if isinstance(field.wanted, type) and issubclass(field.wanted, Enum):
            values = self._propose_words(place, field.wanted, match.shape.words.get(str(column), ()))
            return {"from": column, "values": values, **({"unknown": "null"} if field.is_optional else {})}
        if isinstance(column, list) and field.wanted is str:
            return {"from": column, "read": "first_text"}
        if field.field == "phone":
            return {"from": column, "read": "phone"}
        return {"from": column} if isinstance(column, list) else column

    def _propose_words(self, place: str, wanted: type[Enum], given: Sequence[str]) -> Mapping[str, str]:
        """The agency's words, each with the value that it resembles; without any, the values' own words."""
        known = {word.lower(): each.name for each in wanted for word in (each.name.replace("_", " "), str(each.value))}
        found = {}
        for each in given:
            near = find_nearest(each.lower(), list(known))
            if near is not None:
                found[each] = known[near]
        left = [each for each in given if each not in found]
        values = ", ".join(each.name for each in wanted)
        words = f"the agency's words {', '.join(left)}" if left else "the agency's words"
        if left or not given:
            self.notes[place] = f"write {words} in `values`; they mean one of {values}"
        return found or {str(each.value): each.name for each in wanted}


def _join_columns(one: FieldMatch, other: FieldMatch) -> FieldMatch:
    """The first column of two that has a text."""
    columns = tuple(dict.fromkeys([*one.columns, *other.columns]))
    is_joined = one.wanted is str and len(columns) > 1
    return replace(one, columns=columns, score=min(one.score, other.score)) if is_joined else one


def _find_listed(annotation: Any) -> type[Any] | None:  # noqa: ANN401 - any annotation
    """The record of a list; None for any other field."""
    if get_origin(annotation) not in {tuple, Sequence}:
        return None
    listed: Any = get_args(annotation)[0]
    return listed if isinstance(listed, type) and is_dataclass(listed) else None


def _describe(record: type[Any], field: str) -> str:
    """What a field holds, in the words of the graph."""
    annotation = get_type_hints(record, include_extras=True)[field]
    found = next((each.text for each in get_args(annotation)[1:] if isinstance(each, Doc)), "")
    return found.rstrip(".") or field.replace("_", " ")
