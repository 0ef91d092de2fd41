"""`simpul people` and `simpul token`: the sample people of the sandbox city, and their tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auth.caller import Assurance, Caller, CallerKind
from cli.command_error import CommandError
from cli.listing import JsonOption, print_rows
from cli.project_paths import find_state_folder
from cli.sandbox.sample_clients import fetch_client_token
from records.hub.clients import ClientId
from records.identifiers import Nik
from records.purposes import Purpose
from sandbox.population.samples import SAMPLES
from sandbox.state_folder import StateFolder

if TYPE_CHECKING:  # imports that other commands need not wait for
    from auth.tokens.development_issuer import DevelopmentIssuer
    from sandbox.issuer.people import SignInPerson


@dataclass(frozen=True, slots=True)
class _StatedPurpose:
    """Purpose and case in an official's development token."""

    purpose: Purpose
    case: str
    duty: str


_STATED_PURPOSES = {
    "rina": _StatedPurpose(
        Purpose.CIVIL_REGISTRATION,
        "SIPIL/2026/0001",
        "keeps the population register and may read its data about any citizen",
    ),
    "hendra": _StatedPurpose(Purpose.TAX_ASSESSMENT, "PAJAK/2026/0001", "assesses the tax on land and buildings"),
    "nadia": _StatedPurpose(Purpose.BUSINESS_LICENSING, "IZIN/2026/0001", "decides on the licences of businesses"),
}


@dataclass(frozen=True, slots=True)
class SampleCaller:
    """A caller that a developer can act as."""

    name: str
    title: str
    """The person's role towards the city."""
    description: str
    caller: Caller


@cache
def build_sample_callers() -> Mapping[str, SampleCaller]:
    """The sample people of the sandbox city: citizens, an assistant, a business, and staff of every kind."""
    from sandbox.issuer.people import STAFF  # noqa: PLC0415 - an import that other commands need not wait for

    citizens = [
        SampleCaller(
            sample.name,
            "citizen",
            sample.description,
            Caller(kind=CallerKind.CITIZEN, first_party=True, nik=Nik(sample.nik), assurance=Assurance.SUBSTANTIAL),
        )
        for sample in SAMPLES.values()
    ]
    assistant = SampleCaller(
        "agus-for-dewi",
        "assistant",
        "Agus Wijaya, who acts for Dewi Lestari and may read what she may read",
        Caller(
            kind=CallerKind.CITIZEN,
            first_party=True,
            nik=Nik(SAMPLES["agus"].nik),
            on_behalf_of=Nik(SAMPLES["dewi"].nik),
            assurance=Assurance.SUBSTANTIAL,
        ),
    )
    return {sample.name: sample for sample in (*citizens, assistant, *map(_to_sample_caller, STAFF))}


def _to_sample_caller(person: SignInPerson) -> SampleCaller:
    what, _, does = person.description.partition(": ") if person.nib is None else (person.kind, "", person.description)
    stated = _STATED_PURPOSES.get(person.key)
    caller = Caller(
        kind=CallerKind(person.kind),
        nib=person.nib,
        agency=person.agency,
        unit=person.unit,
        role=person.role,
        purpose=stated.purpose.name if stated else None,
        case=stated.case if stated else None,
    )
    does = stated.duty if stated else does
    return SampleCaller(person.key, what, f"{person.name}: {does}" if does else person.name, caller)


def build_sample_partners() -> Mapping[str, SampleCaller]:
    """A sample partner. It may only run registered operations, so GraphiQL does not offer it."""
    kios = SampleCaller(
        "kios",
        "partner",
        "an application for stall keepers with the scope prices:read; runs its registered operations only",
        Caller(kind=CallerKind.PARTNER, client=ClientId("development", "kios"), scopes=frozenset({"prices:read"})),
    )
    return {kios.name: kios}


def open_development_issuer(folder: StateFolder) -> DevelopmentIssuer:
    """The issuer of this state folder; its key pair is created at the first call and then reused."""
    from auth.tokens.development_issuer import DevelopmentIssuer  # noqa: PLC0415 - signing, which other commands need not wait for

    issuer = DevelopmentIssuer(folder.folder("issuer") / "private.json")
    issuer.write_public_keys(public_keys_path(folder))
    return issuer


def public_keys_path(folder: StateFolder) -> Path:
    """The path of the issuer's public keys; the hub gets no other keys."""
    return folder.folder("issuer") / "public.json"


def issue_token(issuer: DevelopmentIssuer, sample: SampleCaller) -> str:
    """Sign a token for the sample person."""
    return issuer.sign_token(sample.caller, subject=sample.name)


def _list_names() -> list[str]:
    return [*build_sample_callers(), *build_sample_partners()]


def add_commands(app: typer.Typer) -> None:
    """Register the two commands."""
    app.command("token")(print_token)
    app.command("people")(list_people)


def print_token(
    name: Annotated[
        str | None, typer.Argument(help="A sample person or partner: see `simpul people`.", autocompletion=_list_names)
    ] = None,
    *,
    client: Annotated[str | None, typer.Option(help="An application instead: see `simpul clients`.")] = None,
) -> None:
    """Print a development token for a sample person or partner, or an application's own token, alone on one line."""
    if client is not None and name is None:
        typer.echo(fetch_client_token(find_state_folder(), client))
        return
    known = {**build_sample_callers(), **build_sample_partners()}
    if client is not None or name is None:
        raise CommandError(f"name either a sample person ({', '.join(known)}) or an application (--client)")
    if name not in known:
        raise CommandError(f"{name!r} is not a sample person: choose one of {', '.join(known)}")
    typer.echo(issue_token(open_development_issuer(find_state_folder()), known[name]))


def list_people(*, as_json: JsonOption = False) -> None:
    """List the sample people, and the sample partner."""
    rows = [
        {"name": sample.name, "what": sample.title, "who": sample.description}
        for sample in (*build_sample_callers().values(), *build_sample_partners().values())
    ]
    print_rows(rows, as_json=as_json, folds=True)
