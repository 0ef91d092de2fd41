"""Labels: captions of the graph in one language, as the graph publishes them."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from records.description import Doc
from records.languages import Language
from records.record import record


@record
class Label:
    """The caption of an enum value or a field."""

    coordinate: Annotated[str, Doc("What it is the caption of: `ComplaintStatus.WAITING` or `TaxBill.year`.")]
    text: Annotated[str, Doc("The caption.")]
    language: Annotated[Language, Doc("Its language.")]


class LabelQuery(NamedTuple):
    """The labels of types, in a language; None for that of the caller."""

    types: tuple[str, ...]
    language: Language | None
    plain: bool
