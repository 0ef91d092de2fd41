"""The city folder of the repository for tests: with other values, and with changes."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tomli_w

from auth.policy.access_policy import AccessPolicy
from engine.agencies.agency_codes import AgencyCodes
from records.calls.freshness import ReadLifetimes
from sandbox.stand_ins.signatures import make_private_key
from services.ledger.entry_text import AgencyNames
from settings.city.folder import DEFAULT_CITY, CityFolder, find_variables, load_city
from wiring.agencies import list_agency_codes, list_lifetimes

Tables = Mapping[str, Mapping[str, Any] | None]
"""By agency: a table of its manifest."""

NOWHERE = "http://127.0.0.1:9"
VARIABLES: Mapping[str, str] = {
    **{name: NOWHERE if name.endswith("_URL") else "none" for name in sorted(find_variables(DEFAULT_CITY))},
    "SIMPUL_DUKCAPIL_URL": "postgresql://nobody@127.0.0.1:9/none",
    "SIMPUL_JAKPRENEUR_URL": "mysql://nobody@127.0.0.1:9/none",
    "SIMPUL_BANSOS_URL": "file:///nowhere",
    "SIMPUL_PEMBAYARAN_PRIVATE_KEY": str(make_private_key(DEFAULT_CITY.parents[1] / ".simpul" / "tests")),
}
"""The variables that the manifests name, with addresses that lead nowhere."""
PACED: Tables = {"pangan": {"rate": 1.0, "burst": 3}}
"""Terms of a city without breakers and retries."""


def write_city(
    folder: Path,
    *,
    terms: Tables | None = None,
    contracts: Tables | None = None,
    wire: Tables | None = None,
    changes: Mapping[str, Mapping[str, Any]] | None = None,
) -> Path:
    """Copy the city of the repository with changes. Returns the folder.

    `terms` are those of the named agencies, and others have none. `contracts` replace those of the named agencies;
    None removes one. `wire` adds to the wire of an agency. `changes` replace keys of manifests; None removes one.
    """
    shutil.copytree(DEFAULT_CITY, folder, dirs_exist_ok=True)
    for path in sorted((folder / "agencies").glob("*.toml")):
        code = path.stem
        manifest = tomllib.loads(path.read_text(encoding="utf-8"))
        if terms is not None:
            manifest["terms"] = terms.get(code)
        if contracts is not None and code in contracts:
            manifest["contract"] = contracts[code]
        manifest["wire"] |= (wire or {}).get(code) or {}
        manifest |= (changes or {}).get(code, {})
        kept = {key: value for key, value in manifest.items() if value is not None}
        path.write_text(tomli_w.dumps(kept), encoding="utf-8")
    return folder


def build_city(
    variables: Mapping[str, str] | None = None,
    *,
    terms: Tables | None = None,
    contracts: Tables | None = None,
    changes: Mapping[str, Mapping[str, Any]] | None = None,
) -> CityFolder:
    """The city with these changes and values; what is not named leads nowhere."""
    with TemporaryDirectory() as folder:
        path = write_city(Path(folder), terms=terms, contracts=contracts, changes=changes)
        loaded = load_city(path, {**VARIABLES, **(variables or {})})
        return replace(loaded, path=DEFAULT_CITY)  # where WSDLs stay


@cache
def build_plain_city() -> CityFolder:
    """The city whose agencies have no terms but the pace of prices, and no address."""
    return build_city(terms=PACED)


@cache
def build_policy() -> AccessPolicy:
    """The policy of the city."""
    return AccessPolicy(purposes=load_city(DEFAULT_CITY).city.purposes)


@cache
def build_codes() -> AgencyCodes:
    """The code of the agency of each domain."""
    return list_agency_codes(load_city(DEFAULT_CITY))


@cache
def build_lifetimes() -> Mapping[str, Mapping[str, ReadLifetimes]]:
    """How long the answers of each agency may be used."""
    return list_lifetimes(load_city(DEFAULT_CITY))


@cache
def build_names() -> AgencyNames:
    """The names of the city's agencies."""
    return AgencyNames(load_city(DEFAULT_CITY).names["en"])
