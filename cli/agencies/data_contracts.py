"""`simpul data-contracts`: whether an impact assessment covers each agency's personal data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.command_error import CommandError
from cli.listing import JsonOption, print_json, print_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from auth.policy.data_contracts import ContractReview


def build_group() -> typer.Typer:
    """Build the command group."""
    group = typer.Typer(no_args_is_help=True, help="Data contracts with agencies, and their impact assessments.")
    group.command("check")(check)
    group.callback()(lambda: None)  # typer turns a group with one command into that command
    return group


def check(
    *,
    path: Annotated[
        Path | None, typer.Argument(metavar="CITY", help="A city folder; default: that of the hub's settings.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the personal data that the graph has of each agency, and its assessment; fail if one is missing."""
    found = _assess(path)
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


def _assess(path: Path | None) -> Sequence[ContractReview]:
    from auth.policy.access_policy import AccessPolicy, parse_purposes  # noqa: PLC0415 - other commands need not wait for it
    from cli.agencies.city_option import load_city_folder  # noqa: PLC0415 - same
    from schema.builder import build_schema, get_graphql_schema  # noqa: PLC0415 - same
    from schema.tools.assessments import judge_today  # noqa: PLC0415 - same
    from wiring.agencies import list_agency_codes  # noqa: PLC0415 - same

    city = load_city_folder(path)
    try:
        lines = os.environ.get("SIMPUL_PURPOSES", "").split()
        purposes = parse_purposes(lines) if lines else city.city.purposes
    except ValueError as problem:
        raise CommandError(str(problem)) from None
    policy = AccessPolicy(purposes=purposes)
    return judge_today(city.contracts, policy, get_graphql_schema(build_schema(list_agency_codes(city))))
