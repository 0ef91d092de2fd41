"""Settings of the agencies: the city folder, and the answer cache."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from pathlib import Path

from pydantic import Field, SecretStr

from auth.policy.data_contracts import DataContract
from connectors.resilience.agency_terms import AgencyTerms
from engine.document.limits import Limits
from settings.city.folder import DEFAULT_CITY, CityFolder
from settings.limits import LimitSettings
from settings.value_types import City

_MAX_CONCURRENCY: Mapping[str, int] = {"sql": 8, "files": 2}
"""Concurrent calls by driver (connections to a database, files), for an agency whose terms set no limit."""
_MAX_HTTP_CONCURRENCY = 32


class AgencySettings(LimitSettings):
    """The city folder with the manifests of the agencies, and the cache of their answers."""

    agency_timeout: float = Field(5.0, gt=0, le=60, description="Maximum seconds for one call to an agency.")
    city: City = Field(
        DEFAULT_CITY,
        validate_default=True,
        description="City folder: everything about the agencies (manifests.md).",
    )
    cache_megabytes: int = Field(
        64, ge=0, le=65_536, description="Memory of a process for cached answers, in MiB; 0 turns the cache off."
    )
    snapshot_folder: Path | None = Field(
        None, description="Folder of the machine in which snapshots of agencies are kept, also through a restart."
    )
    probe_nik: SecretStr | None = Field(None, description="NIK that every agency knows, for `simpul agencies check`.")

    @property
    def contracts(self) -> Mapping[str, DataContract]:
        """The data contract of each agency that has one."""
        return self.city.contracts

    def build_terms(self, agency: str) -> AgencyTerms:
        """The terms of calls to an agency: those of its manifest, then the defaults.

        A database takes one call for each session, so this process makes as many as its share of the sessions.
        """
        manifest = self.city.manifests[agency].manifest
        of_driver = _MAX_CONCURRENCY.get(manifest.wire.driver, _MAX_HTTP_CONCURRENCY)
        concurrent = manifest.terms.max_concurrency or of_driver
        if manifest.terms.sessions is not None:
            concurrent = max(1, min(concurrent, manifest.terms.sessions // self.process_count))
        terms = manifest.terms.model_copy(update={"max_concurrency": concurrent})
        return terms.with_defaults(deadline=self.agency_timeout)

    @property
    def limits(self) -> Limits:
        """The limits of an operation."""
        return Limits(
            depth=self.limit_depth,
            fields=self.limit_fields,
            breadth=self.limit_breadth,
            aliases=self.limit_aliases,
            list_items=self.limit_list_items,
            calls=self.limit_calls,
            calls_by_agency=count_paced_calls(self.city, self.request_timeout),
            objects=self.limit_objects,
        )


def count_paced_calls(city: CityFolder, request_timeout: float) -> Mapping[str, int]:
    """The calls to each rate-limited agency that it can answer within one request."""
    terms = {code: each.manifest.terms for code, each in city.agencies.items()}
    return {
        code: (each.burst or ceil(each.rate)) + int(each.rate * request_timeout)
        for code, each in terms.items()
        if each.rate
    }
