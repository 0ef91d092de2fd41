"""`simpul agencies record`: asks an agency for one key, and writes samples of the same form with invented values."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from cli.agencies.city_option import CityOption, find_city_path
from cli.agencies.trial_command import ask_agency
from cli.listing import JsonOption, print_json

if TYPE_CHECKING:
    from cli.agencies.recording import Recording


def record_read(  # noqa: PLR0913 - the options of a command
    agency: Annotated[str, typer.Argument(help="The code of an agency, at any stage.")],
    read: Annotated[str, typer.Argument(help="A read of its domain, such as `msmes_of`.")],
    key: Annotated[str, typer.Argument(help="The key to ask for; JSON for a query.")],
    *,
    by: Annotated[str | None, typer.Option(help="Your name, for the access ledger.")] = None,
    purpose: Annotated[str | None, typer.Option(help="Why you read personal data: a purpose of the contract.")] = None,
    case: Annotated[str | None, typer.Option(help="The case you work on.")] = None,
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask an agency for one key, and write samples of the same form with invented values, and never live ones."""
    from cli.agencies.recording import record_samples  # noqa: PLC0415 - the hub, which other commands need not wait for
    from cli.agencies.trial import AgencyTrial  # noqa: PLC0415 - same

    folder = find_city_path(city)
    build = partial(AgencyTrial, read=read, key=key, by=by, purpose=purpose, case=case)
    found: Recording = ask_agency(folder, agency, build, record_samples)
    written = [folder / "samples" / agency / name for name in found.files]
    for path, text in zip(written, found.files.values(), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if as_json:
        written_paths = [str(each) for each in written]
        print_json({"written": written_paths, "read": read, "key": found.key, "outcome": found.outcome})
        return
    for each in written:
        typer.echo(f"Wrote {each}.")
    typer.echo(f"The agency: {found.outcome}.")
    typer.echo(f"The invented key of {read} is {found.key}. Next: write its answer to expected.json by hand.")
