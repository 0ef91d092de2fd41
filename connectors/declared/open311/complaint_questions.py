"""Reads the questions of a category from its service definition.

Servers write codes as numbers, flags as texts, and one element as an object in place of a list. What cannot be read
leaves its own part out, because the server checks a new request again.
See https://wiki.open311.org/GeoReport_v2/#get-service-definition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from connectors.readers.numbers import whole_number
from connectors.readers.rows import Row
from connectors.readers.texts import text
from connectors.readers.unreadable import UnreadableError
from records.complaint_questions import ComplaintQuestion, ComplaintQuestionChoice, QuestionKind

MAX_QUESTIONS: Final = 50
MAX_CHOICES: Final = 500
_TRUE: Final = frozenset({"true", "1", "yes"})
_FALSE: Final = frozenset({"false", "0", "no"})
_KINDS: Final = {each.value: each for each in QuestionKind if each is not QuestionKind.NOTICE}
_CHOICES: Final = frozenset({QuestionKind.SINGLE_CHOICE, QuestionKind.MULTIPLE_CHOICE})
_UNORDERED: Final = 1_000_000


def has_definition(service: Row) -> bool:
    """Whether a service may have questions: its `metadata` does not deny it."""
    return _read_flag(service.get("metadata"), otherwise=True)


def read_questions(definition: object) -> Sequence[ComplaintQuestion]:
    """The questions of a service definition, in their order. Raises `UnreadableError` for another kind of value."""
    if isinstance(definition, list):
        definition = definition[0] if definition else {}
    if isinstance(definition, Mapping) and "service_definition" in definition:
        definition = definition["service_definition"] or {}
    if not isinstance(definition, Mapping):
        raise UnreadableError("a service definition")
    attributes = _list_inner(definition.get("attributes"), "attribute")
    found = [(_read_order(each), question) for each in attributes if (question := _read_question(each)) is not None]
    return tuple(question for _, question in sorted(found, key=lambda each: each[0]))[:MAX_QUESTIONS]


def _read_question(attribute: Row) -> ComplaintQuestion | None:
    """One question; None without a code, because it could not be answered."""
    code = _read_text(attribute, "code")
    is_question = _read_flag(attribute.get("variable"), otherwise=True)
    if code is None and is_question:
        return None
    kind = _KINDS.get((_read_text(attribute, "datatype") or "").lower()) if is_question else QuestionKind.NOTICE
    return ComplaintQuestion(
        code=code or "",
        kind=kind,
        is_required=is_question and _read_flag(attribute.get("required"), otherwise=False),
        text=_read_text(attribute, "description"),
        hint=_read_text(attribute, "datatype_description"),
        choices=_read_choices(attribute) if kind in _CHOICES else (),
    )


def _read_choices(attribute: Row) -> tuple[ComplaintQuestionChoice, ...]:
    found = [
        ComplaintQuestionChoice(key=key, name=_read_text(each, "name"))
        for each in _list_inner(attribute.get("values"), "value")
        if (key := _read_text(each, "key")) is not None
    ]
    return tuple(found[:MAX_CHOICES])


def _list_inner(found: object, item: str) -> Sequence[Row]:
    """The objects in a list, in an object with a list or one element, as in XML, or in nothing."""
    if isinstance(found, Mapping) and item in found:
        found = found[item]
    listed = found if isinstance(found, list) else [found]
    return [each for each in listed if isinstance(each, Mapping) and each]


def _read_order(attribute: Row) -> int:
    try:
        order = whole_number(attribute.get("order"))
    except UnreadableError:
        order = None
    return _UNORDERED if order is None else order


def _read_text(row: Row, name: str) -> str | None:
    try:
        return text(row.get(name))
    except UnreadableError:
        return None


def _read_flag(raw: object, *, otherwise: bool) -> bool:
    if isinstance(raw, bool):
        return raw
    word = str(raw).strip().lower()
    return word in _TRUE or (otherwise and word not in _FALSE)
