"""A FHIR server over HTTP: its address under each of its names, and the links between the pages of a search."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote_plus, urlsplit

from msgspec import structs

from connectors.declared.fhir.tables import FhirWire
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.service import HttpRequest
from connectors.drivers.long_work import LongWork
from connectors.readers.unreadable import UnreadableError
from connectors.resilience.call_counters import CallCounters

MEDIA_TYPE: Final = "application/fhir+json"
SEARCH: Final = "_search"
OUTCOME_STATUSES: Final = frozenset({400, 404, 405, 409, 410, 412, 415, 422})
"""Statuses whose body can say more; the HTTP driver knows what the others mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirClient:
    """A FHIR server."""

    http: HttpDriver
    bases: Collection[str]
    """The addresses that it gives itself, without a slash at the end; the first is the hub's."""

    @classmethod
    def build(cls, http: HttpDriver, wire: FhirWire) -> FhirClient:
        """The server of a manifest."""
        parts = urlsplit(wire.url.get_secret_value())
        own = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
        return cls(http=http, bases=(own, *wire.bases))

    @property
    def counts(self) -> CallCounters:
        """The counters of the agency's gate."""
        return self.http.counts

    @property
    def expiries(self) -> Mapping[str, float]:
        """When the parts of the credential expire, in seconds since 1970."""
        return self.http.expiries

    @property
    def work(self) -> LongWork:
        """Runs long pieces of work in turns."""
        return self.http.work

    async def close(self) -> None:
        """Close its connections."""
        await self.http.close()

    def build_linked_request(self, request: HttpRequest, link: str, private: Collection[str]) -> HttpRequest:
        """The request for the next page of a search.

        A link whose address holds a `private` key becomes the equal search by POST, so that no log of addresses has it.
        Raises `UnreadableError` for a link to another origin, and for a private key in any other address.
        """
        own = next(iter(self.bases))
        base = next((each for each in self.bases if link.startswith((f"{each}/", f"{each}?"))), None)
        if base is not None:
            link = own + link.removeprefix(base)
        elif not urlsplit(link).scheme and not link.startswith("/"):
            link = f"{own}{'' if link.startswith('?') else '/'}{link}"
        try:
            target = self.http.build_linked_request(request, link)
        except ValueError:
            raise UnreadableError("a link to a page at the same origin") from None
        if not any(each in unquote_plus(link) for each in private):
            return structs.replace(target, headers=request.headers)
        path, query = urlsplit(link).path.removesuffix(f"/{SEARCH}"), urlsplit(link).query
        if f"/{request.path}" != f"/{path.rpartition('/')[2]}/{SEARCH}" or any(each in path for each in private):
            raise UnreadableError("a link without the number of a person")
        form: dict[str, list[str]] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            form.setdefault(name, []).append(value)
        return structs.replace(request, form=form)
