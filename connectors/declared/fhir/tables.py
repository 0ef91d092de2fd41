"""The tables of a manifest for a FHIR R4 server (https://hl7.org/fhir/R4/search.html)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from connectors.declared.http.tables import MAX_READ_ROWS, Parameter
from connectors.declared.service.wire import ServiceWire
from connectors.declared.tables import KeyedReadTable, ManifestTable, RowsTable
from connectors.readers.rows import MAX_LIST_ROWS

ResourceType = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z]{1,63}$")]
BaseAddress = Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#]+[^\s?#/]$")]


class FhirWire(ServiceWire):
    """A FHIR R4 server."""

    driver: Literal["fhir"]
    url: SecretStr = Field(description="base address, `https://host/fhir`")
    bases: tuple[BaseAddress, ...] = Field(
        default=(),
        description="further addresses that the server gives itself in links and references, such as those behind a"
        " gateway",
    )


class FhirSearchTable(ManifestTable):
    """A search for resources of one type."""

    resource: ResourceType = Field(description="type of the resources, such as `Immunization`")
    parameters: Mapping[str, Parameter] = Field(
        default={},
        description='search parameters, such as `status` or `"_include"`; a list repeats its name. In a read, one of'
        ' them holds `{key}`: `identifier = "https://fhir.kemkes.go.id/id/nik|{key}"`. `{today}` and `{today+30}` are'
        " days",
    )
    method: Literal["POST", "GET"] = Field(
        default="POST",
        description="`POST` for `_search` with a form; `GET` for servers without it, never for numbers of people",
    )
    size: int = Field(default=100, ge=1, le=1_000, description="resources of a page, for `_count`")
    max_pages: int = Field(default=20, ge=1, le=1_000, description="maximum pages of one answer; more are malformed")

    @property
    def has_includes(self) -> bool:
        """Whether the answer must hold the resources that the matches name."""
        return any(name.partition(":")[0] == "_include" for name in self.parameters)


class FhirRowsTable(FhirSearchTable, RowsTable):
    """All resources that a search finds."""


class FhirReadTable(FhirSearchTable, KeyedReadTable):
    """A read of the domain from a FHIR server: a search for one key, or for several keys of one call."""

    key: str = Field(
        max_length=300,
        description="path to the key in each resource: `patient.getReferenceKey(Patient)`; of several values there, one"
        " is the key",
    )
    many: Literal["list", "batch", "single"] = Field(
        default="list",
        description="how several keys are asked for: by a `list` of values with commas, a `batch` with a search for"
        " each key, or a call for each key (`single`)",
    )
    max_rows: int = Field(
        default=MAX_LIST_ROWS, ge=1, le=MAX_READ_ROWS, description="maximum resources of one answer; more are malformed"
    )

    @property
    def takes_batches(self) -> bool:
        """Whether one call can ask for several keys."""
        return self.many != "single"
