"""The catalogue of open data: data sets with their metadata."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from records.description import Doc
from records.record import record


@record
class DatasetFile:
    """A file or service with the data of a data set (DCAT distribution)."""

    name: Annotated[str | None, Doc("Name of the file.")]
    format: Annotated[str | None, Doc("Format, such as `CSV`, in the portal's words.")]
    url: Annotated[str | None, Doc("Web address of the file.")]


@record
class Dataset:
    """A data set of the open data portal (DCAT)."""

    id: Annotated[str, Doc("Name in the portal's web addresses.")]
    title: Annotated[str, Doc("Title of the data set.")]
    description: Annotated[str | None, Doc("What it holds.")]
    publisher: Annotated[str | None, Doc("Organisation that publishes it.")]
    licence: Annotated[str | None, Doc("Name of the licence.")]
    licence_url: Annotated[str | None, Doc("Web address of the licence.")]
    updated_at: Annotated[datetime | None, Doc("Time of the last change of its metadata.")]
    files: Annotated[tuple[DatasetFile, ...], Doc("Files and services with its data.")]

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats of its files, each once."""
        return tuple(dict.fromkeys(each.format.upper() for each in self.files if each.format))


@record
class DatasetQuery:
    """A page of data sets, ordered by name."""

    search: str = ""
    first: int = 20
    after: str | None = None
