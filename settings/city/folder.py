"""The city folder: what the city is, and one manifest for each agency."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from auth.policy.data_contracts import DataContract, NamedPurpose
from connectors.declared.tables import ManifestTable
from connectors.resilience.agency_terms import check_zone
from engine.agencies.agency_routing import is_inside
from records.city_areas import CityAreas
from records.service_levels import ServiceLevels
from settings.city.area_tables import AreaTable
from settings.city.city_service_tables import NO_SERVICES_FILE, CityServicesTable
from settings.city.manifest import ManifestFile, Names, read_toml
from settings.city.office_calendar import OfficeTable
from settings.city.problems import CityProblem, ManifestError
from settings.city.references import list_variables
from settings.city.service_level_tables import ServiceLevelsTable
from settings.city.table_problems import describe_validation

DEFAULT_CITY: Final = Path(__file__).parents[2] / "cities" / "jakarta"
_SERVICES: Final = "services.toml"
_ONE_AGENCY: Final = frozenset({"population"})
"""Domains that decisions about access depend on: who is asked must not depend on a choice."""


class CityTable(ManifestTable):
    """The file `city.toml`."""

    code: str = Field(pattern=r"^[a-z][a-z0-9-]{0,31}$", description="code of the city, the name of its folder")
    name: Names = Field(description="name of the city: `{ en = ..., id = ... }`")
    time_zone: Annotated[str, AfterValidator(check_zone)] = Field(description='time zone, `"Asia/Jakarta"`')
    region: str = Field(pattern=r"^\d\d(\.\d\d)?$", description="code of the region that the city is")
    purposes: Mapping[str, frozenset[NamedPurpose]] = Field(
        default={},
        description="who may state which purposes, unless `SIMPUL_PURPOSES` says it: an agency, `agency/role`"
        " or `partners`, and its purposes",
    )
    office: OfficeTable | None = Field(default=None, description="table: when the city's offices are open")
    service_levels: ServiceLevelsTable = Field(
        default=ServiceLevelsTable(), description="table: how long the city's offices may take"
    )
    areas: tuple[AreaTable, ...] = Field(
        default=(), description="tables `[[areas]]`: where its land is; without any, every point may be in the city"
    )

    @model_validator(mode="after")
    def _check_office(self) -> Self:
        if self.office is None and self.service_levels.complaints.needs_office:
            raise ValueError("service_levels.complaints: working time needs office hours; write the table [office]")
        return self

    def build_areas(self) -> CityAreas:
        """The parts of the city's land."""
        return CityAreas(tuple(each.build_area() for each in self.areas))

    def build_service_levels(self) -> ServiceLevels:
        """The service levels of the city's complaints, with its office calendar."""
        office = None if self.office is None else self.office.build_working_time(self.time_zone)
        return self.service_levels.complaints.build_levels(office)


@dataclass(frozen=True, slots=True)
class CityFolder:
    """A city with the manifests of its agencies."""

    path: Path
    city: CityTable
    manifests: Mapping[str, ManifestFile]
    """Of every stage, by the code of the agency, which is the name of its file."""
    variables: frozenset[str]
    """The environment variables that the files name."""
    services: CityServicesTable = NO_SERVICES_FILE
    """The catalogue of services."""

    @property
    def agencies(self) -> Mapping[str, ManifestFile]:
        """The agencies that answer callers, by code."""
        return {code: each for code, each in self.manifests.items() if each.manifest.is_live}

    @property
    def shadows(self) -> Mapping[str, ManifestFile]:
        """The agencies that are asked and compared with those that answer, by code."""
        return {code: each for code, each in self.manifests.items() if each.manifest.stage == "shadow"}

    @property
    def contracts(self) -> Mapping[str, DataContract]:
        """The data contracts of those agencies."""
        found = {code: each.manifest.contract for code, each in self.agencies.items()}
        return {code: contract for code, contract in found.items() if contract is not None}

    @property
    def names(self) -> Mapping[str, Mapping[str, str]]:
        """By language, `en` or `id`: the name of each agency by its code. The English one reads after 'the'."""
        names = {code: each.manifest.name for code, each in self.manifests.items()}
        return {
            "en": {code: each.en for code, each in names.items()},
            "id": {code: each.id for code, each in names.items()},
        }

    def __str__(self) -> str:
        """The path, as settings show it."""
        return str(self.path)


def load_city(path: Path, environment: Mapping[str, str] | None = None) -> CityFolder:
    """Load a city. Without an environment, references stay as they are. Raises `ManifestError` with every problem."""
    found, problems = examine_city(path, environment)
    if found is None or problems:
        raise ManifestError(problems)
    return found


def examine_city(
    path: Path, environment: Mapping[str, str] | None = None
) -> tuple[CityFolder | None, tuple[CityProblem, ...]]:
    """Load what can be loaded of a city, and every problem of the rest; None without a usable `city.toml`."""
    problems: list[CityProblem] = []
    city: CityTable | None = None
    try:
        city = _load_city_table(path / "city.toml")
    except ManifestError as error:
        problems += error.problems
    manifests: dict[str, ManifestFile] = {}
    for file in _list_manifests(path):
        try:
            manifests[file.stem] = ManifestFile.load(file, environment)
        except ManifestError as error:
            problems += error.problems
    services = NO_SERVICES_FILE
    try:
        services = _load_services(path / _SERVICES)
    except ManifestError as error:
        problems += error.problems
    if city is None:
        return None, tuple(problems)
    folder = CityFolder(path, city, manifests, find_variables(path), services)
    found = (*_find_domain_problems(folder), *_find_shadow_problems(folder), *_find_service_problems(folder))
    return folder, (*problems, *found)


def find_variables(path: Path) -> frozenset[str]:
    """The environment variables that the files of a city name, also where a file cannot be used."""
    found: set[str] = set()
    for file in _list_manifests(path):
        try:
            found.update(list_variables(file.read_text(encoding="utf-8", errors="replace")))
        except OSError:
            continue  # reported when the city is loaded
    return frozenset(found)


def _list_manifests(path: Path) -> list[Path]:
    return sorted((path / "agencies").glob("*.toml"), key=lambda each: each.stem)


def _load_city_table(path: Path) -> CityTable:
    text, given = read_toml(path)
    try:
        return CityTable.model_validate(given)
    except ValidationError as error:
        raise ManifestError(describe_validation(path, text, given, CityTable, error)) from None


def _load_services(path: Path) -> CityServicesTable:
    if not path.exists():
        return NO_SERVICES_FILE
    text, given = read_toml(path)
    try:
        return CityServicesTable.model_validate(given)
    except ValidationError as error:
        raise ManifestError(describe_validation(path, text, given, CityServicesTable, error)) from None


def _find_service_problems(folder: CityFolder) -> Iterator[CityProblem]:
    """Office hours without an office."""
    for code, each in folder.services.services.items():
        if each.hours == "office" and folder.city.office is None:
            text = "the city has no office hours; write the table [office]"
            yield CityProblem(folder.path / _SERVICES, None, f"services.{code}.hours", text)


def _find_domain_problems(folder: CityFolder) -> Iterator[CityProblem]:
    """Domains with several agencies between which a call cannot choose."""
    by_domain: dict[str, list[ManifestFile]] = {}
    for each in folder.agencies.values():
        by_domain.setdefault(each.manifest.domain, []).append(each)
    for domain, files in by_domain.items():
        for number, each in enumerate(files if len(files) > 1 else ()):
            first, *_ = files
            if domain in _ONE_AGENCY:
                if each is not first:
                    yield each.locate("domain", f"{first.path.name} answers it already; '{domain}' has one live agency")
            elif not each.manifest.serves:
                others = ", ".join(other.path.name for other in files if other is not each)
                yield each.locate("serves", f"{others} answers '{domain}', too: name the regions that each serves")
            else:
                yield from _find_shared_places(each, files[:number])


def _find_shadow_problems(folder: CityFolder) -> Iterator[CityProblem]:
    """Shadows that cannot be compared, or may not be asked."""
    for each in folder.shadows.values():
        live = [file for file in folder.agencies.values() if file.manifest.domain == each.manifest.domain]
        if len(live) != 1:
            yield each.locate("stage", "a shadow is compared with the one live agency of its domain; write assessed")
            continue
        asked, own = live[0].manifest.contract, each.manifest.contract
        if asked is not None and (own is None or not own.assessment.classes >= asked.assessment.classes):
            text = f"a shadow is asked for people, as {live[0].path.name} is: its assessment must have the same classes"
            yield each.locate("contract", text)


def _find_shared_places(file: ManifestFile, others: Sequence[ManifestFile]) -> Iterator[CityProblem]:
    for other in others:
        for place in file.manifest.serves:
            if is_inside(place, other.manifest.serves):
                yield file.locate("serves", f"{other.path.name} serves region {place}, too, or a part of it")
