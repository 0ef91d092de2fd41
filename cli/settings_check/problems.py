"""Finds every problem of the settings, not only the first: an invalid value is set aside, then the rest is checked."""

from __future__ import annotations

import base64
import difflib
import os
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from auth.tokens.development_issuer import build_development_issuer
from auth.tokens.issuer_keys import IssuerKeys
from cli.settings_check.findings import (
    NOT_SHOWN,
    Finding,
    FindingLevel,
    describe_city_problem,
    format_value,
    variable_name,
)
from resolvers.domains import find_domains
from schema.builder import build_schema, get_graphql_schema
from schema.tools.assessments import judge_today
from schema.tools.catalogue_operations import find_faults
from settings import COMMAND_LINE_VARIABLES, Settings
from settings.city.folder import DEFAULT_CITY, CityFolder, examine_city, find_variables, load_city
from settings.city.problems import ManifestError
from store.database import create_database_engine
from wiring.agencies import build_connectors, list_agency_codes

_PLACEHOLDER_VALUES = {
    "secret": base64.b64encode(b"a stand-in of thirty-two bytes..").decode(),
    "state_url": "postgresql://stand.in/simpul",
}


class _UnvalidatedSettings(Settings):
    """Settings that are validated one by one, without checks between them."""

    def _check_conflicts(self) -> _UnvalidatedSettings:  # type: ignore[override]  # replaces the validator of this name
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsExamination:
    """The result of the examination."""

    findings: Sequence[Finding]
    settings: Settings
    """With placeholders for invalid values."""
    ignored: frozenset[str]
    """Variables that were set aside because they are invalid or missing."""


def examine_settings() -> SettingsExamination:
    """Examine the settings in the environment; removes invalid variables from the environment."""
    findings = [*_find_unknown(os.environ)]
    city, in_city = _examine_city()
    findings += in_city
    ignored = {each.name for each in in_city} - {"SIMPUL_CITY"}  # its other agencies are checked further
    settings: Settings | None = None
    while settings is None:
        try:
            settings = _UnvalidatedSettings(city=city)  # type: ignore[call-arg]  # other values come from the environment
        except ValidationError as problem:
            wrong = list(_find_wrong(problem, ignored))
            if not wrong:
                raise
            for field, finding in wrong:
                findings.append(finding)
                ignored.add(variable_name(field))
                _set_aside(field)
    settings, unusable = _find_unusable(settings, in_city)
    rest = (*_find_conflicts(settings), *unusable)
    findings += [each for each in rest if not any(name in f"{each.name} {each.message}" for name in ignored)]
    if not in_city:
        findings += _find_unanswered_domains(city)
    return SettingsExamination(findings=findings, settings=settings, ignored=frozenset(ignored))


def _find_unanswered_domains(city: CityFolder) -> Iterator[Finding]:
    answered = {each.manifest.domain for each in city.agencies.values()}
    for domain in find_domains():
        if domain not in answered:
            message = f"no live agency answers the domain '{domain}': the graph does not have its fields"
            yield Finding(level=FindingLevel.WARNING, name="SIMPUL_CITY", value=str(city), message=message)


def _find_unknown(environment: MutableMapping[str, str]) -> Iterator[Finding]:
    known = {variable_name(field) for field in Settings.model_fields} | COMMAND_LINE_VARIABLES
    known |= find_variables(_get_city_path())
    for name in sorted(environment):
        if name.upper().startswith("SIMPUL_") and name not in known:
            near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.8)
            fix = f"did you mean {near[0]}?" if near else "correct its name or unset it"
            del environment[name]
            yield Finding(level=FindingLevel.PROBLEM, name=name, message=f"it is not a setting of the hub: {fix}")


def _get_city_path() -> Path:
    return Path(os.environ.get("SIMPUL_CITY") or DEFAULT_CITY)


def _examine_city() -> tuple[CityFolder, Sequence[Finding]]:
    """The city without the agencies whose manifests are wrong, and their problems."""
    path = _get_city_path()
    city, problems = examine_city(path, os.environ)
    if city is None:
        city = CityFolder(path, load_city(DEFAULT_CITY).city, {}, find_variables(path))
    return city, [describe_city_problem(path, each) for each in problems]


def _find_wrong(problem: ValidationError, ignored: set[str]) -> Iterator[tuple[str, Finding]]:
    seen = set()
    for error in problem.errors(include_input=False, include_url=False):
        field = str(error["loc"][0]) if error["loc"] else ""
        info = Settings.model_fields.get(field)
        if info is None or field in seen or variable_name(field) in ignored:
            continue
        seen.add(field)
        text = _read_variable(field)
        message = f"it has to be set. {info.description}" if error["type"] == "missing" else error["msg"]
        yield (
            field,
            Finding(
                level=FindingLevel.PROBLEM,
                name=variable_name(field),
                value=format_value(field, text),
                message=message.removeprefix("Value error, "),
            ),
        )


def _read_variable(field: str) -> str | None:
    return os.environ.get(variable_name(field))


def _set_aside(field: str) -> None:
    os.environ.pop(variable_name(field), None)
    if Settings.model_fields[field].is_required():
        os.environ[variable_name(field)] = _PLACEHOLDER_VALUES[field]


def _find_conflicts(settings: Settings) -> Iterator[Finding]:
    """Conflicts between settings."""
    for fault in settings.conflicts:
        name = next(word.strip(":,.") for word in fault.split() if word.startswith("SIMPUL_"))
        field = name.removeprefix("SIMPUL_").lower()
        message = fault.removeprefix(f"{name} is not set: ").removeprefix(f"{name}: ").removeprefix(f"{name} ")
        yield Finding(
            level=FindingLevel.PROBLEM, name=name, value=format_value(field, _read_variable(field)), message=message
        )


def _find_unusable(settings: Settings, in_city: Sequence[Finding]) -> tuple[Settings, Sequence[Finding]]:
    """What would stop the start of the hub; and the settings without the agencies that cannot be called.

    Services are examined only if all agencies of the city can be called.
    """
    findings = [*_check_state_address(settings)]
    settings, of_agencies = _check_agencies(settings)
    findings += [*of_agencies, *_check_keys(settings)]
    schema = get_graphql_schema(build_schema(list_agency_codes(settings.city)))
    findings += [
        _describe_service(code, faults[0])
        for code, each in settings.city.services.services.items()
        if not (in_city or of_agencies)
        and each.operation is not None
        and (faults := find_faults(schema, each.operation))
    ]
    for assessment in judge_today(settings.contracts, settings.policy, schema):
        level = FindingLevel.WARNING if settings.development else FindingLevel.PROBLEM
        if assessment.fault is not None and assessment.agency in settings.city.agencies:
            findings.append(_describe_contract(settings, level, assessment.agency, assessment.fault))
        findings += [
            _describe_contract(settings, FindingLevel.WARNING, assessment.agency, each) for each in assessment.warnings
        ]
    return settings, findings


def _describe_service(code: str, fault: str) -> Finding:
    message = f"the graph of these settings does not offer its operation: {fault}"
    return Finding(level=FindingLevel.WARNING, name=f"service {code}", message=message)


def _describe_contract(settings: Settings, level: FindingLevel, agency: str, message: str) -> Finding:
    """A finding about the data contract of an agency."""
    path = settings.city.agencies[agency].path
    return Finding(level=level, name="SIMPUL_CITY", value=str(settings.city), message=f"{path}: {message}")


def _check_state_address(settings: Settings) -> Iterator[Finding]:
    try:
        create_database_engine(settings.state_url.get_secret_value())
    except ValueError as problem:
        message = str(problem).removeprefix("SIMPUL_STATE_URL, the address of the hub's database: ")
        yield Finding(level=FindingLevel.PROBLEM, name="SIMPUL_STATE_URL", value=NOT_SHOWN, message=message)


def _check_agencies(settings: Settings) -> tuple[Settings, Sequence[Finding]]:
    city = settings.city
    try:
        build_connectors(settings, create_database_engine(_PLACEHOLDER_VALUES["state_url"]))
    except ManifestError as error:
        broken = {each.path for each in error.problems}
        sound = {code: each for code, each in city.manifests.items() if each.path not in broken}
        kept = settings.model_copy(update={"city": replace(city, manifests=sound)})
        return kept, [describe_city_problem(city, each) for each in error.problems]
    return settings, ()


def _check_keys(settings: Settings) -> Iterator[Finding]:
    issuers = [("issuers", each) for each in settings.issuers if each.keys is not None]
    if settings.issuer_keys is not None:
        issuers.append(("issuer_keys", build_development_issuer(settings.issuer_keys)))
    for field, each in issuers:
        try:
            IssuerKeys(each)
        except ValueError as problem:
            yield Finding(
                level=FindingLevel.PROBLEM, name=variable_name(field), value=str(each.keys), message=str(problem)
            )
