"""`simpul agencies new`: proposes the manifest of an agency, and synthetic samples, from its interface."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from cli.agencies.city_option import CityOption, find_city_path
from cli.command_error import CommandError
from cli.listing import JsonOption, print_json, print_rows

if TYPE_CHECKING:
    from cli.agencies.onboarding.proposals import Proposal
    from cli.agencies.onboarding.shapes import AgencyInterface

_CODE = re.compile(r"[a-z][a-z0-9-]{0,31}")


def propose_agency(  # noqa: PLR0913 - the options of a command
    code: Annotated[str, typer.Argument(help="The code of the new agency, the name of its manifest: a-z, 0-9 and -.")],
    *,
    domain: Annotated[str, typer.Option(help="The domain that it answers, such as `msmes`.")],
    sql: Annotated[str | None, typer.Option(envvar="NEW_AGENCY_URL", help="Address of a database.")] = None,
    openapi: Annotated[Path | None, typer.Option(help="OpenAPI document (JSON).", exists=True, dir_okay=False)] = None,
    wsdl: Annotated[Path | None, typer.Option(help="WSDL.", exists=True, dir_okay=False)] = None,
    csv: Annotated[Path | None, typer.Option(help="CSV file with a header.", exists=True, dir_okay=False)] = None,
    ckan: Annotated[str | None, typer.Option(help="Portal and resource: https://portal#resource-id.")] = None,
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a draft manifest with a proposed mapping, and invented samples. No value of the agency is copied."""
    folder = find_city_path(city)
    path = folder / "agencies" / f"{code}.toml"
    if not _CODE.fullmatch(code):
        raise CommandError(f"'{code}' is not a code: write a-z, 0-9 and -, at most 32")
    if path.exists():
        raise CommandError(f"{path} exists: choose another code, or remove it")
    given = [each for each in (sql, openapi, wsdl, csv, ckan) if each is not None]
    if len(given) != 1:
        raise CommandError("name the interface with one of --sql, --openapi, --wsdl, --csv and --ckan")
    with Console(stderr=True).status("Inspecting the interface ..."):
        proposal, files = _propose(code, domain, _choose(sql, openapi, wsdl, csv, ckan))
    for name, text in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    if wsdl is not None:
        target = folder / "wsdl" / wsdl.name
        target.parent.mkdir(exist_ok=True)
        if not target.exists():
            target.write_bytes(wsdl.read_bytes())
    _print(code, proposal, [str(folder / name) for name in files], as_json=as_json)


def _choose(
    sql: str | None, openapi: Path | None, wsdl: Path | None, csv: Path | None, ckan: str | None
) -> Callable[[], AgencyInterface]:
    from cli.agencies.onboarding.documents import read_csv, read_openapi, read_wsdl  # noqa: PLC0415 - the hub, which other commands need not wait for
    from cli.agencies.onboarding.services import inspect_database, inspect_resource  # noqa: PLC0415 - same

    if sql is not None:
        return lambda: asyncio.run(inspect_database(sql))
    if ckan is not None:
        return lambda: asyncio.run(inspect_resource(ckan))
    if openapi is not None:
        return lambda: read_openapi(openapi)
    return (lambda: read_wsdl(wsdl)) if wsdl is not None else lambda: read_csv(csv or Path())


def _propose(code: str, domain: str, inspect: Callable[[], AgencyInterface]) -> tuple[Proposal, dict[str, str]]:
    from cli.agencies.onboarding.manifest_text import write_manifest  # noqa: PLC0415 - the hub, which other commands need not wait for
    from cli.agencies.onboarding.proposals import Proposer  # noqa: PLC0415 - same
    from cli.agencies.onboarding.synthetic_samples import write_samples  # noqa: PLC0415 - same
    from connectors.declared.tables import NotDeclarableError  # noqa: PLC0415 - same
    from resolvers.domains import find_domains  # noqa: PLC0415 - same

    domains = find_domains()
    if domain not in domains:
        raise CommandError(f"'{domain}' is not a domain: choose one of {', '.join(domains)}")
    interface = inspect()
    try:
        proposal = Proposer(domains[domain], interface).propose()
    except NotDeclarableError as problem:
        raise CommandError(str(problem)) from None
    files = {f"agencies/{code}.toml": write_manifest(code, domain, interface, proposal)}
    files |= {f"samples/{code}/{name}": text for name, text in write_samples(interface, proposal).items()}
    return proposal, files


def _print(code: str, proposal: Proposal, written: list[str], *, as_json: bool) -> None:
    from cli.agencies.onboarding.manifest_text import name_variable  # noqa: PLC0415 - as above

    rows: list[dict[str, Any]] = [
        {
            "field": f"{match.record.__name__}.{each.field}",
            "column": ", ".join(each.columns) or None,
            "resemblance": each.score or None,
            "rows": match.shape.name,
        }
        for match in proposal.matches
        for each in match.fields
    ]
    if as_json:
        print_json({"code": code, "written": written, "mapping": rows, "open": proposal.open_points})
        return
    print_rows(rows, as_json=False)
    for each in proposal.open_points:
        typer.echo(f"Decide: {each}.")
    for each in written:
        typer.echo(f"Wrote {each}.")
    typer.echo(f"Next: set {name_variable(code, 'URL')}, edit the manifest, and run `simpul agencies try {code} ...`.")
