"""The tables of a manifest for an Open311 server."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, Literal, Self

from pydantic import Field, SecretStr, model_validator

from connectors.declared.service.wire import ServiceWire
from connectors.declared.tables import ManifestTable
from records.complaint_searches import ComplaintOrder
from records.hub.commands import LookupClass

FreeField = Literal["description", "address", "coordinates", "photos", "events", "comments"]
"""Fields that say where, or in whose words: a public request shows those that the manifest names."""
MAX_PERIODS: Final = 20
"""Maximum number of periods in the history: each costs a call."""


class ComplaintSearchTable(ManifestTable):
    """Text search in `requests/search`: each word in number, category, description or address, in a chosen order."""

    text: str = Field(description="parameter with the words")
    order: str = Field(description="parameter with the order")
    orders: Mapping[str, str] = Field(
        description="the server's word for each order: `NEWEST`, `OLDEST`, `LAST_CHANGED`, `MOST_SUPPORTED`"
    )

    @model_validator(mode="after")
    def _check_orders(self) -> Self:
        if self.orders.keys() != ComplaintOrder.__members__.keys():
            raise ValueError(f"orders: give the server's word for each of {', '.join(ComplaintOrder.__members__)}")
        return self


class ExtensionTable(ManifestTable):
    """Parameters of a server beyond the standard, by their names there. Without one, the hub does it in its place."""

    constant: Mapping[str, str] = Field(default={}, description="parameters of every list of requests")
    page_size: str | None = Field(
        default=None, description="limits the rows of a list; for servers that list the newest request first"
    )
    status: str | None = Field(
        default=None, description="filters by the words in `values` of `records.Complaint.status`"
    )
    region: str | None = Field(default=None, description="filters by Kemendagri codes")
    reporter: str | None = Field(
        default=None, description="finds requests by NIK, in the form of a POST to `requests/search`; needs `page_size`"
    )
    reference: str | None = Field(
        default=None,
        description="takes the hub's number of a new request, finds it in a POST to `requests/search`, and names it in"
        " `extended_attributes` of the reply; without it, what may have arrived waits for a person",
    )
    handling: Mapping[str, str] = Field(
        default={},
        description="parameters of a POST to `requests/search` that lists private requests, too, with their reporters:"
        " for officials who handle complaints, and for measures; needs `page_size`",
    )
    photos: str | None = Field(
        default=None,
        description="takes photos of a new request, as files of a `multipart/form-data` form; without it, complaints"
        " with photos are refused",
    )
    photo_texts: str | None = Field(
        default=None, description="takes the alternative text of each photo, in the same order; needs `photos`"
    )
    media: str | None = Field(
        default=None,
        description="lists the photos of a request in `extended_attributes`: objects with `url`, `text`, `width` and"
        " `height`; without it, `media_url` is its only photo",
    )
    private: Mapping[str, str] = Field(default={}, description="parameters that keep a new request private")
    search: ComplaintSearchTable | None = Field(
        default=None,
        description="table: finds public requests by their text and sorts them, in a POST to `requests/search`; needs"
        " `page_size`; without it, the graph has no `searchComplaints`",
    )


class Open311Wire(ServiceWire):
    """A server of Open311 GeoReport v2."""

    driver: Literal["open311"]
    url: SecretStr = Field(description="address of the endpoint, `https://.../open311/v2`")
    jurisdiction_id: str | None = Field(default=None, description="sent with every call")
    format: Literal["json", "xml"] = Field(default="json", description="format of replies: `json` or `xml`")
    visibility: Literal["private", "public", "by_request"] = Field(
        description="whether requests are public: none, all, or those that `records.Complaint.is_public` marks"
    )
    public_fields: frozenset[FreeField] | None = Field(
        default=None, description="what public requests show of the fields that may name people; required for them"
    )
    max_span_days: int = Field(default=90, ge=1, le=36_500, description="longest period of one list, in days")
    history_days: int = Field(default=730, ge=1, le=36_500, description="age of the oldest requests in lists, in days")
    max_rows: int = Field(
        default=1_000, ge=2, le=1_000, description="most rows of one list; one that is as long is cut"
    )
    empty_is_not_found: bool = Field(default=False, description="whether HTTP 404 means a list without requests")
    extensions: ExtensionTable = Field(default=ExtensionTable(), description="table: parameters beyond the standard")

    @property
    def own_lookup(self) -> LookupClass:
        """A server of the standard stores no reference of its clients."""
        return LookupClass.REFERENCE if self.extensions.reference else LookupClass.NONE

    @property
    def lacks(self) -> Collection[str]:
        """The standard has no text search."""
        return () if self.extensions.search else ("searches",)

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        if (self.public_fields is None) != (self.visibility == "private"):
            raise ValueError("public_fields: name what public requests show, `[]` for none; else remove it")
        if self.history_days > MAX_PERIODS * self.max_span_days:
            raise ValueError(f"history_days: at most {MAX_PERIODS} times max_span_days")
        for name in ("reporter", "handling", "search"):
            if getattr(self.extensions, name) and not self.extensions.page_size:
                raise ValueError(f"extensions.{name}: pages of a search need `page_size`")
        if self.extensions.photo_texts and not self.extensions.photos:
            raise ValueError("extensions.photo_texts: texts of photos need `photos`")
        return self
