"""`simpul people` and `simpul token`: who may be played in the sandbox city, and how to prove to be them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from auth.caller import Assurance, Caller, CallerKind
from cli.failure import Failure
from cli.place import state_folder
from cli.sample_clients import client_token
from records.clients import ClientId
from records.identifiers import Nik
from records.purposes import Purpose
from sandbox.samples import SAMPLES
from sandbox.state_folder import StateFolder

if TYPE_CHECKING:  # signing and the making of people, which other commands need not wait for
    from auth.development import DevelopmentIssuer
    from sandbox.issuer_people import Person


@dataclass(frozen=True, slots=True)
class _Stated:
    """Why an official reads, as the official's development token says."""

    purpose: Purpose
    case: str
    does: str


_STATED = {
    "rina": _Stated(
        Purpose.CIVIL_REGISTRATION,
        "SIPIL/2026/0001",
        "keeps the population register, so may read what it holds of any citizen",
    ),
    "hendra": _Stated(Purpose.TAX_ASSESSMENT, "PAJAK/2026/0001", "assesses the tax on land and buildings"),
}


@dataclass(frozen=True, slots=True)
class SampleCaller:
    """Somebody whose part a developer can take."""

    name: str
    title: str
    """What the person is to the city."""
    description: str
    caller: Caller


@cache
def sample_callers() -> Mapping[str, SampleCaller]:
    """The sample people of the sandbox city: citizens, an assistant, a business, and people at work of every kind."""
    from sandbox.issuer_people import AT_WORK  # noqa: PLC0415 - the making of people, which other commands need not wait for

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
        "Agus Wijaya, who acts for Dewi Lestari: reads about her what she may",
        Caller(
            kind=CallerKind.CITIZEN,
            first_party=True,
            nik=Nik(SAMPLES["agus"].nik),
            on_behalf_of=Nik(SAMPLES["dewi"].nik),
            assurance=Assurance.SUBSTANTIAL,
        ),
    )
    return {sample.name: sample for sample in (*citizens, assistant, *map(_at_work, AT_WORK))}


def _at_work(person: Person) -> SampleCaller:
    what, _, does = person.about.partition(": ") if person.nib is None else (person.kind, "", person.about)
    stated = _STATED.get(person.key)
    caller = Caller(
        kind=CallerKind(person.kind),
        nib=person.nib,
        agency=person.agency,
        unit=person.unit,
        role=person.role,
        purpose=stated.purpose.name if stated else None,
        case=stated.case if stated else None,
    )
    does = stated.does if stated else does
    return SampleCaller(person.key, what, f"{person.name}: {does}" if does else person.name, caller)


def sample_partners() -> Mapping[str, SampleCaller]:
    """A sample partner. It runs registered operations alone, so it is no part to take in GraphiQL."""
    kios = SampleCaller(
        "kios",
        "partner",
        "an application for stall keepers, with the scope prices:read: runs what is registered for it",
        Caller(kind=CallerKind.PARTNER, client=ClientId("development", "kios"), scopes=frozenset({"prices:read"})),
    )
    return {kios.name: kios}


def development_issuer(folder: StateFolder) -> DevelopmentIssuer:
    """The issuer of this state folder; its key pair is made at the first call and is the same from then on."""
    from auth.development import DevelopmentIssuer  # noqa: PLC0415 - signing, which other commands need not wait for

    issuer = DevelopmentIssuer(folder.folder("issuer") / "private.json")
    issuer.write_public_keys(public_keys(folder))
    return issuer


def public_keys(folder: StateFolder) -> Path:
    """Where the issuer's public keys stand, the only ones the hub gets."""
    return folder.folder("issuer") / "public.json"


def token_of(issuer: DevelopmentIssuer, sample: SampleCaller) -> str:
    """A token that proves to be the sample person."""
    return issuer.token(sample.caller, subject=sample.name)


def add_to(app: typer.Typer) -> None:
    """Add the two commands."""
    app.command("token")(token)
    app.command("people")(people)


def token(
    name: Annotated[str | None, typer.Argument(help="A sample person or partner: see `simpul people`.")] = None,
    *,
    client: Annotated[str | None, typer.Option(help="Instead: an application, see `simpul clients`.")] = None,
) -> None:
    """Print a development token for a sample person or partner, or an application's own token, alone on one line."""
    if client is not None and name is None:
        typer.echo(client_token(state_folder(), client))
        return
    known = {**sample_callers(), **sample_partners()}
    if client is not None or name is None:
        raise Failure(f"name either a sample person ({', '.join(known)}) or an application (--client)")
    if name not in known:
        raise Failure(f"{name!r} is no sample person: choose one of {', '.join(known)}")
    typer.echo(token_of(development_issuer(state_folder()), known[name]))


def people() -> None:
    """List the sample people, and the sample partner."""
    table = Table("name", "what", "who", box=None, pad_edge=False)
    for sample in (*sample_callers().values(), *sample_partners().values()):
        table.add_row(sample.name, sample.title, sample.description)
    Console().print(table)
