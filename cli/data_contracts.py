"""`simpul contracts`: whether each agency's personal data is read under an impact assessment that covers it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from cli.failure import Failure
from cli.place import state_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auth.data_contracts import DataContract, Judged
    from auth.policy import Policy


def build_group() -> typer.Typer:
    """The group with every command."""
    group = typer.Typer(no_args_is_help=True, help="Data contracts with agencies, and their impact assessments.")
    group.command("check")(check)
    group.callback()(lambda: None)  # keeps the group a group while it has one command
    return group


def check(
    *,
    path: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A file or folder; else what SIMPUL_CONTRACTS names.")
    ] = None,
) -> None:
    """Say which personal data the graph has of each agency, and whether an assessment covers it; fail if not."""
    found = _judged(*_agreed(path))
    table = Table("agency", "data", "assessment", "risk", "holds until", box=None, header_style="bold")
    for each in found:
        data, contract = ", ".join(one.name for one in each.classes) or "public", each.contract
        if contract is None:
            table.add_row(each.agency, data, "none", "", "")
            continue
        held = contract.assessment
        table.add_row(each.agency, data, held.id, held.residual_risk, held.review_by.isoformat())
    console = Console(soft_wrap=True, highlight=False)
    console.print(table)
    for each in found:
        for warning in each.warnings:
            console.print(f"Note: {warning}.", markup=False)
    faults = [each.fault for each in found if each.fault is not None]
    if faults:
        raise Failure("; ".join(faults))


def _agreed(path: Path | None) -> tuple[Sequence[DataContract], Policy]:
    """The contracts, and who may state which purposes; with a path, of a hub that need not be set up yet."""
    from auth.data_contracts import contracts_of  # noqa: PLC0415 - other commands need not wait for it
    from auth.policy import DEFAULT_PURPOSES, Policy, purposes_from  # noqa: PLC0415 - same
    from cli.hub_settings import hub_settings  # noqa: PLC0415 - same

    if path is None:
        settings = hub_settings(state_folder())
        return settings.contracts, settings.policy
    try:
        lines = os.environ.get("SIMPUL_PURPOSES", " ".join(DEFAULT_PURPOSES)).split()
        return contracts_of(path), Policy(purposes=purposes_from(lines))
    except ValueError as problem:
        raise Failure(str(problem)) from None


def _judged(contracts: Sequence[DataContract], policy: Policy) -> Sequence[Judged]:
    from schema.assessments import judged_today  # noqa: PLC0415 - the graph, which other commands need not wait for
    from schema.build import build_schema, graphql_schema  # noqa: PLC0415 - same

    return judged_today(contracts, policy, graphql_schema(build_schema()))
