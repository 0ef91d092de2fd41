"""The city folder for benchmarks: agencies without pace, or without addresses."""

from __future__ import annotations

from dataclasses import replace

from settings import Settings
from settings.city.folder import DEFAULT_CITY, CityFolder, load_city
from settings.city.manifest import ManifestFile

_FAST = 10_000
"""Calls per second, and in a burst: more than any benchmark makes."""


def build_unreachable_city() -> CityFolder:
    """The default city; the addresses of its agencies lead nowhere."""
    city = load_city(DEFAULT_CITY)
    nowhere = dict.fromkeys(city.variables, "http://127.0.0.1:9")
    for each in city.agencies.values():
        wire = each.manifest.wire
        if wire.driver == "sql":
            nowhere[wire.url.get_secret_value().strip("${}")] = "postgresql://nobody@127.0.0.1:9/none"
    return load_city(DEFAULT_CITY, nowhere)


def remove_queues(settings: Settings) -> Settings:
    """The settings with agencies that take any number of calls a second."""
    return settings.model_copy(update={"city": remove_pace(settings.city)})


def remove_pace(city: CityFolder) -> CityFolder:
    """The city with agencies that take any number of calls a second."""
    return replace(city, manifests={code: _remove_pace(each) for code, each in city.manifests.items()})


def _remove_pace(file: ManifestFile) -> ManifestFile:
    terms = file.manifest.terms
    if terms.rate is None:
        return file
    fast = terms.model_copy(update={"rate": float(_FAST), "burst": _FAST})
    return ManifestFile(file.path, "", file.manifest.model_copy(update={"terms": fast}))
