"""The export of all data that the hub can reach about a person (UU PDP 27/2022, articles 7 and 13)."""

from __future__ import annotations

from typing import Annotated

from records.description import Doc
from records.identifiers import Nik
from records.record import record


@record
class Export:
    """Where a person fetches everything that this graph can reach about them, as JSON."""

    subject: Annotated[Nik, Doc("The person.")]
    url: Annotated[
        str, Doc("Where it is, on this host: to be fetched by GET with the person's token, assurance `substantial`.")
    ]
    parts: Annotated[tuple[str, ...], Doc("The parts that it has, in order: made of the fields of `Citizen`.")]
