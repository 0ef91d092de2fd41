"""Settings of the agencies: addresses, credentials, terms, and the answer cache."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from pydantic import Field, SecretStr

from connectors.resilience.agency_terms import AgencyTerms, AgencyTermsFile
from engine.document.limits import Limits
from settings.city.folder import DEFAULT_CITY
from settings.limits import LimitSettings
from settings.value_types import City, TermsFile

MAX_CONCURRENCY: Mapping[str, int] = {"dukcapil": 8, "jakpreneur": 8, "pbb": 32, "crm": 32, "pangan": 32}
"""Concurrent calls (connections to a database or over HTTP) to an agency whose terms set no limit."""


class AgencySettings(LimitSettings):
    """Addresses and credentials of the agencies, and the terms of calls to them."""

    agency_timeout: float = Field(5.0, gt=0, le=60, description="Maximum seconds for one call to an agency.")
    city: City = Field(
        DEFAULT_CITY,
        validate_default=True,
        description="Folder with the manifests of the city's agencies (manifests.md).",
    )
    agencies: TermsFile | None = Field(None, description="File with the terms of each agency (agency-terms.md).")
    cache_megabytes: int = Field(
        64, ge=0, le=65_536, description="Memory of a process for cached answers, in MiB; 0 turns the cache off."
    )
    probe_nik: SecretStr | None = Field(None, description="NIK that every agency knows, for `simpul agencies check`.")

    dukcapil_url: SecretStr = Field(description="Population register, `postgresql://...`.")
    jakpreneur_url: SecretStr = Field(description="Small businesses, `mysql://...` or `sqlite:///path`.")
    pbb_url: str = Field(description="Property tax, address of the SOAP service.")
    pbb_user: str = Field(description="User of the property tax service.")
    pbb_password: SecretStr = Field(description="Password of the property tax service.")
    pbb_max_concurrency: int = Field(8, ge=1, le=64, description="Maximum concurrent calls to property tax.")
    crm_url: str = Field(description="Complaint system, base address of its Open311 interface.")
    crm_key: SecretStr = Field(description="API key of the complaint system.")
    crm_reporter_extension: bool = Field(
        default=True,
        description="Whether the complaint system can search by reporter; else the link table is used.",
    )
    pangan_url: str = Field(description="Food prices, base address.")
    pangan_key: SecretStr = Field(description="API key of the food price service.")
    pangan_rate: float = Field(1.0, gt=0, le=1000, description="Calls per second that the food price service allows.")
    pangan_burst: int = Field(3, ge=1, description="Calls that the food price service allows in a burst.")

    def build_terms(self, agency: str) -> AgencyTerms:
        """The terms of calls to an agency: from the file, then from the agency's own settings, then the defaults."""
        file_terms: AgencyTerms = getattr(self.agencies or AgencyTermsFile(), agency)
        pace = (
            {"rate": self.pangan_rate, "burst": self.pangan_burst} if agency == "pangan" and not file_terms.rate else {}
        )
        return file_terms.with_defaults(deadline=self.agency_timeout, max_concurrency=MAX_CONCURRENCY[agency], **pace)

    @property
    def limits(self) -> Limits:
        """The limits of an operation. A rate-limited agency allows the calls that it can answer in one request."""
        paced = ((agency, self.build_terms(agency)) for agency in MAX_CONCURRENCY)
        within = {
            agency: (terms.burst or ceil(terms.rate)) + int(terms.rate * self.request_timeout)
            for agency, terms in paced
            if terms.rate
        }
        return Limits(
            depth=self.limit_depth,
            fields=self.limit_fields,
            breadth=self.limit_breadth,
            aliases=self.limit_aliases,
            list_items=self.limit_list_items,
            calls=self.limit_calls,
            calls_by_agency=within,
            objects=self.limit_objects,
        )
