"""`simpul agencies`: list the agencies, check each as the hub calls it, and print an agency's hook secret."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.agencies.city_option import CityOption, find_city_path, load_city_folder
from cli.agencies.onboarding.commands import propose_agency
from cli.agencies.record_command import record_read
from cli.agencies.stand_in import serve_samples
from cli.agencies.trial_command import try_read
from cli.command_error import CommandError
from cli.listing import JsonOption, print_rows
from cli.project_paths import ROOT, find_state_folder


def build_group() -> typer.Typer:
    """Build the command group."""
    group = typer.Typer(no_args_is_help=True, help="The agencies that the hub is connected to.")
    group.command("list")(list_agencies)
    group.command("check")(check)
    group.command("hook-secret")(print_hook_secret)
    group.command("schema")(write_schemas)
    group.command("serve")(serve_samples)
    group.command("new")(propose_agency)
    group.command("try")(try_read)
    group.command("record")(record_read)
    return group


def list_agencies(
    *,
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the agencies of the city, and the snapshots of their data on this machine."""
    from connectors.declared.snapshot.overview import describe_snapshots  # noqa: PLC0415 - the hub, which other commands need not wait for

    snapshots = Path(os.environ.get("SIMPUL_SNAPSHOT_FOLDER") or find_state_folder().path / "snapshots")
    rows = [
        {
            "agency": code,
            "name": each.manifest.name.en,
            "domain": each.manifest.domain,
            "driver": each.manifest.wire.driver,
            "stage": each.manifest.stage,
            "snapshots": describe_snapshots(snapshots, code, each.manifest.snapshots),
        }
        for code, each in load_city_folder(city).manifests.items()
    ]
    print_rows(rows, as_json=as_json)


def write_schemas() -> None:
    """Write the JSON Schemas of city files to cities/, and the tables of their keys to the pages of docs/."""
    from settings.city.key_tables import render_files  # noqa: PLC0415 - the hub, which other commands need not wait for

    for path, text in render_files(ROOT).items():
        path.write_text(text, encoding="utf-8")
        typer.echo(f"Wrote {path.relative_to(ROOT)}.")


def print_hook_secret(agency: Annotated[str, typer.Argument(help="The code of an agency of the hub.")]) -> None:
    """Print the secret with which an agency signs its change notifications, alone on one line."""
    from auth.crypto.webhook_signatures import AgencyHookSecrets  # noqa: PLC0415 - the hub, which other commands need not wait for
    from cli.hub_settings import load_hub_settings  # noqa: PLC0415 - same

    settings = load_hub_settings(find_state_folder())
    known = settings.city.agencies
    if agency not in known:
        raise CommandError(f"{agency!r} is not an agency of this hub: choose one of {', '.join(known)}")
    typer.echo(AgencyHookSecrets(settings.secret_bytes).format_secret(agency))


def check(
    *,
    agency: Annotated[
        str | None, typer.Argument(help="One agency, of any stage: also its columns, keys and statements.")
    ] = None,
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask each agency for one known record, or check one agency against its manifest; fail if something is wrong."""
    if agency is not None:
        steps = _check_one(agency, city)
        print_rows(steps, as_json=as_json)
        if wrong := [str(each["check"]) for each in steps if not each["good"]]:
            raise CommandError(f"{agency} does not fit its manifest: {', '.join(wrong)}")
        return
    rows = asyncio.run(_check_all())
    print_rows(rows, as_json=as_json)
    failed = [str(each["agency"]) for each in rows if each["outcome"] != "ok"]
    if failed:
        raise CommandError(f"no good answer from {', '.join(failed)}")


def _check_one(agency: str, city: CityOption) -> Sequence[Mapping[str, object]]:
    """One row per step."""
    from cli.agencies.agency_check import check_agency  # noqa: PLC0415 - the hub, which other commands need not wait for
    from cli.hub_settings import use_running_city  # noqa: PLC0415 - same
    from settings.city.manifest import ManifestFile  # noqa: PLC0415 - same
    from settings.city.problems import ManifestError  # noqa: PLC0415 - same

    folder = find_city_path(city)
    use_running_city(find_state_folder())

    async def collect() -> Sequence[Mapping[str, object]]:
        manifest = ManifestFile.load(folder / "agencies" / f"{agency}.toml", os.environ, is_trial=True)
        steps = [each async for each in check_agency(manifest, folder)]
        return [{"check": each.check, "outcome": each.outcome, "good": each.is_good} for each in steps]

    try:
        with Console(stderr=True).status(f"Asking {agency} ..."):
            return asyncio.run(collect())
    except ManifestError as problem:
        raise CommandError(str(problem)) from None


async def _check_all() -> Sequence[Mapping[str, object]]:
    """One row per agency."""
    from cli.agencies.checks import check_agencies  # noqa: PLC0415 - the hub, which other commands need not wait for
    from cli.hub_settings import load_hub_settings  # noqa: PLC0415 - same

    settings = await asyncio.to_thread(load_hub_settings, find_state_folder())
    with Console(stderr=True).status("Asking the agencies ..."):
        return [
            {"agency": agency, "protocol": protocol, "outcome": outcome, "seconds": round(seconds, 3)}
            async for agency, protocol, outcome, seconds in check_agencies(settings)
        ]
