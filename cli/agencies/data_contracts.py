"""`simpul data-contracts`: whether an impact assessment covers each agency's personal data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.command_error import CommandError
from cli.listing import JsonOption, print_json, print_rows
from cli.project_paths import find_state_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from auth.policy.access_policy import AccessPolicy
    from auth.policy.data_contracts import ContractReview, DataContract


def build_group() -> typer.Typer:
    """Build the command group."""
    group = typer.Typer(no_args_is_help=True, help="Data contracts with agencies, and their impact assessments.")
    group.command("check")(check)
    group.callback()(lambda: None)  # typer turns a group with one command into that command
    return group


def check(
    *,
    path: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A file or folder; default: SIMPUL_CONTRACTS.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the personal data that the graph has of each agency, and its assessment; fail if one is missing."""
    found = _assess(*_load_contracts_and_policy(path))
    rows = [_to_row(each) for each in found]
    if as_json:
        print_json(
            [{**row, "notes": each.warnings, "fault": each.fault} for row, each in zip(rows, found, strict=True)]
        )
    else:
        print_rows(rows, as_json=False)
        for each in found:
            for warning in each.warnings:
                typer.echo(f"Note: {warning}.")
    faults = [each.fault for each in found if each.fault is not None]
    if faults:
        raise CommandError("; ".join(faults))


def _to_row(review: ContractReview) -> Mapping[str, object]:
    assessment = None if review.contract is None else review.contract.assessment
    return {
        "agency": review.agency,
        "data": ", ".join(one.name for one in review.classes) or "public",
        "assessment": "none" if assessment is None else assessment.id,
        "risk": None if assessment is None else assessment.residual_risk,
        "holds_until": None if assessment is None else assessment.review_by,
    }


def _load_contracts_and_policy(path: Path | None) -> tuple[Sequence[DataContract], AccessPolicy]:
    """The contracts, and which agency may state which purposes. With a path, no hub needs to be set up."""
    from auth.policy.access_policy import DEFAULT_PURPOSES, AccessPolicy, parse_purposes  # noqa: PLC0415 - same
    from auth.policy.data_contracts import load_contracts  # noqa: PLC0415 - other commands need not wait for it
    from cli.hub_settings import load_hub_settings  # noqa: PLC0415 - same

    if path is None:
        settings = load_hub_settings(find_state_folder())
        return settings.contracts, settings.policy
    try:
        lines = os.environ.get("SIMPUL_PURPOSES", " ".join(DEFAULT_PURPOSES)).split()
        return load_contracts(path), AccessPolicy(purposes=parse_purposes(lines))
    except ValueError as problem:
        raise CommandError(str(problem)) from None


def _assess(contracts: Sequence[DataContract], policy: AccessPolicy) -> Sequence[ContractReview]:
    from schema.builder import build_schema, get_graphql_schema  # noqa: PLC0415 - same
    from schema.tools.assessments import judge_today  # noqa: PLC0415 - the graph, which other commands need not wait for

    return judge_today(contracts, policy, get_graphql_schema(build_schema()))
