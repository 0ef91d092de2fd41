"""Every problem of the hub's settings, not only the first: what is wrong is told and set aside, the rest judged."""

from __future__ import annotations

import base64
import difflib
import os
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from auth.development import development_entry
from auth.issuer_keys import IssuerKeys
from cli.findings import NOT_SHOWN, Finding, Level, shown, variable
from connectors.drivers.sql import tls_mode
from schema.assessments import judged_today
from schema.build import build_schema, graphql_schema
from settings import AT_ONCE, ELSEWHERE, Settings
from store.database import database
from wiring.agencies import connect

_STAND_INS = {
    "secret": base64.b64encode(b"a stand-in of thirty-two bytes..").decode(),
    "state_url": "postgresql://stand.in/simpul",
    "dukcapil_url": "postgresql://stand.in/siak",
    "jakpreneur_url": "mysql://stand.in/jakpreneur",
}
_STAND_IN = "http://stand.in"


class _Unjudged(Settings):
    """Settings of which only each one alone was looked at."""

    def _fit_together(self) -> _Unjudged:  # type: ignore[override]  # takes the place of the validator of this name
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What was found."""

    findings: Sequence[Finding]
    settings: Settings
    """With stand-ins for what is wrong."""
    aside: frozenset[str]
    """Variables that were set aside because they are wrong or missing."""


def examined() -> Examined:
    """The problems of the settings that the environment gives; changes the environment where they are wrong."""
    findings = [*_unknown(os.environ)]
    aside: set[str] = set()
    settings: Settings | None = None
    while settings is None:
        try:
            settings = _Unjudged()  # type: ignore[call-arg]  # its values come from the environment
        except ValidationError as problem:
            wrong = list(_wrong(problem, aside))
            if not wrong:
                raise
            for field, finding in wrong:
                findings.append(finding)
                aside.add(variable(field))
                _set_aside(field)
    rest = (*_together(settings), *_unusable(settings))
    findings += [each for each in rest if not any(name in f"{each.name} {each.says}" for name in aside)]
    return Examined(findings=findings, settings=settings, aside=frozenset(aside))


def _unknown(environment: MutableMapping[str, str]) -> Iterator[Finding]:
    known = {variable(field) for field in Settings.model_fields} | ELSEWHERE
    for name in sorted(environment):
        if name.upper().startswith("SIMPUL_") and name not in known:
            near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.8)
            mend = f"did you mean {near[0]}?" if near else "correct its name or unset it"
            del environment[name]
            yield Finding(level=Level.PROBLEM, name=name, says=f"it is no setting of the hub: {mend}")


def _wrong(problem: ValidationError, aside: set[str]) -> Iterator[tuple[str, Finding]]:
    seen = set()
    for error in problem.errors(include_input=False, include_url=False):
        field = str(error["loc"][0]) if error["loc"] else ""
        info = Settings.model_fields.get(field)
        if info is None or field in seen or variable(field) in aside:
            continue
        seen.add(field)
        text = _given(field)
        message = f"it has to be set. {info.description}" if error["type"] == "missing" else error["msg"]
        yield (
            field,
            Finding(
                level=Level.PROBLEM,
                name=variable(field),
                value=shown(field, text),
                says=message.removeprefix("Value error, "),
            ),
        )


def _given(field: str) -> str | None:
    return os.environ.get(variable(field))


def _set_aside(field: str) -> None:
    os.environ.pop(variable(field), None)
    if Settings.model_fields[field].is_required():
        os.environ[variable(field)] = _STAND_INS.get(field, _STAND_IN)


def _together(settings: Settings) -> Iterator[Finding]:
    """What does not fit together."""
    for fault in settings.faults:
        name = next(word.strip(":,.") for word in fault.split() if word.startswith("SIMPUL_"))
        field = name.removeprefix("SIMPUL_").lower()
        says = fault.removeprefix(f"{name} is not set: ").removeprefix(f"{name}: ").removeprefix(f"{name} ")
        yield Finding(level=Level.PROBLEM, name=name, value=shown(field, _given(field)), says=says)


def _unusable(settings: Settings) -> Iterator[Finding]:
    """What the hub would end of when it is put together."""
    yield from _addresses(settings)
    yield from _keys(settings)
    for judged in judged_today(settings.contracts, settings.policy, graphql_schema(build_schema())):
        level = Level.WARNING if settings.development else Level.PROBLEM
        if judged.fault is not None:
            yield Finding(level=level, name="SIMPUL_CONTRACTS", value=judged.agency, says=judged.fault)
        for warning in judged.warnings:
            yield Finding(level=Level.WARNING, name="SIMPUL_CONTRACTS", value=judged.agency, says=warning)


def _addresses(settings: Settings) -> Iterator[Finding]:
    wrong: dict[str, str] = {}
    try:
        state = database(settings.state_url.get_secret_value())
    except ValueError as problem:
        wrong["state"] = str(problem).removeprefix("SIMPUL_STATE_URL, the address of the hub's database: ")
        state = database(_STAND_INS["state_url"])
    for agency in ("dukcapil", "jakpreneur"):  # each, where `connect` tells the first alone
        try:
            tls_mode(agency, getattr(settings, f"{agency}_url").get_secret_value())
        except ValueError as problem:
            wrong[agency] = str(problem)
    try:
        connect(settings, state)
    except ValueError as problem:
        agency = next((each for each in AT_ONCE if f"'{each}'" in str(problem)), "agency")
        wrong.setdefault(agency, str(problem))
    for name, says in wrong.items():
        yield Finding(level=Level.PROBLEM, name=variable(f"{name}_url"), value=NOT_SHOWN, says=says)


def _keys(settings: Settings) -> Iterator[Finding]:
    believed = [("issuers", each) for each in settings.issuers if each.keys is not None]
    if settings.issuer_keys is not None:
        believed.append(("issuer_keys", development_entry(settings.issuer_keys)))
    for field, each in believed:
        try:
            IssuerKeys(each)
        except ValueError as problem:
            yield Finding(level=Level.PROBLEM, name=variable(field), value=str(each.keys), says=str(problem))
