"""The export of all data that the hub can reach about a person (UU PDP 27/2022, articles 7 and 13)."""

from __future__ import annotations

from typing import Annotated

from records.description import DECIDES_ACCESS, Doc
from records.identifiers import Nik
from records.record import record


@record
class Export:
    """A person's export of all data about them in this graph, as JSON."""

    subject: Annotated[Nik, Doc("The person."), DECIDES_ACCESS]
    url: Annotated[str, Doc("Path on this host. Send GET with the person's token, assurance `substantial` or higher.")]
    parts: Annotated[tuple[str, ...], Doc("Its parts, in order, made of the fields of `Citizen`.")]
