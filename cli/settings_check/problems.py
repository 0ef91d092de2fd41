"""Finds every problem of the settings, not only the first: an invalid value is set aside, then the rest is checked."""

from __future__ import annotations

import base64
import difflib
import os
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from auth.tokens.development_issuer import build_development_issuer
from auth.tokens.issuer_keys import IssuerKeys
from cli.settings_check.findings import NOT_SHOWN, Finding, FindingLevel, format_value, variable_name
from connectors.drivers.sql.driver import get_tls_mode
from schema.builder import build_schema, get_graphql_schema
from schema.tools.assessments import judge_today
from settings import COMMAND_LINE_VARIABLES, MAX_CONCURRENCY, Settings
from settings.city.manifest import ManifestError
from store.database import create_database_engine
from wiring.agencies import build_connectors

_PLACEHOLDER_VALUES = {
    "secret": base64.b64encode(b"a stand-in of thirty-two bytes..").decode(),
    "state_url": "postgresql://stand.in/simpul",
    "dukcapil_url": "postgresql://stand.in/siak",
    "jakpreneur_url": "mysql://stand.in/jakpreneur",
}
_PLACEHOLDER_URL = "http://stand.in"


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
    ignored: set[str] = set()
    settings: Settings | None = None
    while settings is None:
        try:
            settings = _UnvalidatedSettings()  # type: ignore[call-arg]  # its values come from the environment
        except ValidationError as problem:
            wrong = list(_find_wrong(problem, ignored))
            if not wrong:
                raise
            for field, finding in wrong:
                findings.append(finding)
                ignored.add(variable_name(field))
                _set_aside(field)
    rest = (*_find_conflicts(settings), *_find_unusable(settings))
    findings += [each for each in rest if not any(name in f"{each.name} {each.message}" for name in ignored)]
    return SettingsExamination(findings=findings, settings=settings, ignored=frozenset(ignored))


def _find_unknown(environment: MutableMapping[str, str]) -> Iterator[Finding]:
    known = {variable_name(field) for field in Settings.model_fields} | COMMAND_LINE_VARIABLES
    for name in sorted(environment):
        if name.upper().startswith("SIMPUL_") and name not in known:
            near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.8)
            fix = f"did you mean {near[0]}?" if near else "correct its name or unset it"
            del environment[name]
            yield Finding(level=FindingLevel.PROBLEM, name=name, message=f"it is not a setting of the hub: {fix}")


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
        os.environ[variable_name(field)] = _PLACEHOLDER_VALUES.get(field, _PLACEHOLDER_URL)


def _find_conflicts(settings: Settings) -> Iterator[Finding]:
    """Conflicts between settings."""
    for fault in settings.conflicts:
        name = next(word.strip(":,.") for word in fault.split() if word.startswith("SIMPUL_"))
        field = name.removeprefix("SIMPUL_").lower()
        message = fault.removeprefix(f"{name} is not set: ").removeprefix(f"{name}: ").removeprefix(f"{name} ")
        yield Finding(
            level=FindingLevel.PROBLEM, name=name, value=format_value(field, _read_variable(field)), message=message
        )


def _find_unusable(settings: Settings) -> Iterator[Finding]:
    """Settings that would stop the start of the hub."""
    yield from _check_addresses(settings)
    yield from _check_keys(settings)
    for assessment in judge_today(settings.contracts, settings.policy, get_graphql_schema(build_schema())):
        level = FindingLevel.WARNING if settings.development else FindingLevel.PROBLEM
        if assessment.fault is not None:
            yield Finding(level=level, name="SIMPUL_CONTRACTS", value=assessment.agency, message=assessment.fault)
        for warning in assessment.warnings:
            yield Finding(level=FindingLevel.WARNING, name="SIMPUL_CONTRACTS", value=assessment.agency, message=warning)


def _check_addresses(settings: Settings) -> Iterator[Finding]:
    wrong: dict[str, str] = {}
    try:
        state = create_database_engine(settings.state_url.get_secret_value())
    except ValueError as problem:
        wrong["state"] = str(problem).removeprefix("SIMPUL_STATE_URL, the address of the hub's database: ")
        state = create_database_engine(_PLACEHOLDER_VALUES["state_url"])
    for agency in ("dukcapil", "jakpreneur"):  # each agency, because `build_connectors` reports only the first
        try:
            get_tls_mode(agency, getattr(settings, f"{agency}_url").get_secret_value())
        except ValueError as problem:
            wrong[agency] = str(problem)
    try:
        build_connectors(settings, state)
    except ManifestError as problem:
        yield Finding(level=FindingLevel.PROBLEM, name="SIMPUL_CITY", value=str(settings.city), message=str(problem))
    except ValueError as problem:
        agency = next((each for each in MAX_CONCURRENCY if f"'{each}'" in str(problem)), "agency")
        wrong.setdefault(agency, str(problem))
    for name, message in wrong.items():
        yield Finding(level=FindingLevel.PROBLEM, name=variable_name(f"{name}_url"), value=NOT_SHOWN, message=message)


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
