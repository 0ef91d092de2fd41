"""`simpul agencies try`: what each value becomes, what is masked, and what is recorded before it is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import text

from auth.caller import CallerKind
from cli.agencies.trial import AgencyTrial, TrialResult, run_trial
from cli.command_error import CommandError
from cli.sandbox.hub_environment import build_state_url
from records.calls.subject_reads import RequestInfo, SubjectRead
from sandbox.stand_ins.sources import StandInSource
from sandbox.state_folder import StateFolder
from settings.city.folder import DEFAULT_CITY
from store.database import create_database_engine
from tests.cli.command_line import ServeProcess, run_simpul
from tests.connectors.agencies.agency_servers import AgencyServer, run_agency_server

SITI = "3171014506909001"
RINA = "3174096008929004"


@pytest.fixture(scope="module")
def jakpreneur_samples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgencyServer]:
    with run_agency_server(StandInSource(DEFAULT_CITY, "jakpreneur"), tmp_path_factory.mktemp("trial")) as server:
        yield server


@pytest.fixture(scope="module")
def pangan_samples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgencyServer]:
    with run_agency_server(StandInSource(DEFAULT_CITY, "pangan"), tmp_path_factory.mktemp("trial")) as server:
        yield server


async def try_person(
    server: AgencyServer, key: str, *, shows: bool = False
) -> tuple[TrialResult, list[tuple[RequestInfo, Sequence[SubjectRead]]]]:
    recorded: list[tuple[RequestInfo, Sequence[SubjectRead]]] = []

    async def record(request: RequestInfo, reads: Sequence[SubjectRead]) -> None:
        recorded.append((request, reads))

    trial = AgencyTrial(
        manifest=server.load_manifest(), read="msmes_of", key=key, shows=shows, by="Rina", purpose="BUSINESS_SUPPORT"
    )
    trial.check_purpose()
    return await run_trial(trial, DEFAULT_CITY, record), recorded


def values_of(result: TrialResult) -> dict[str, str | None]:
    """The values of the first row."""
    return {each.field.partition(".")[2]: each.value for each in result.values if each.row == 1}


async def test_personal_values_are_masked_by_their_form(jakpreneur_samples: AgencyServer) -> None:
    result, _ = await try_person(jakpreneur_samples, SITI)
    assert values_of(result) == {
        "id": "9",
        "owner": "9999999999999999",
        "nib": "9999999999999",
        "name": "xxxxxx xx xxxx",
        "industry_code": "99999",
        "region_code": "99.99.99",
        "stage": "<ProgrammeStage>",
        "grade": "x",
        "monthly_revenue": "9999999",
        "registered_on": "9999-99-99",
        "phone": "+99999999999999"[:14],
        "address": "xx. xxxxxx xxxx xx. 9 xx 999",
    }
    assert (result.outcome, result.is_good) == ("answered", True)


async def test_personal_values_are_shown_if_asked_for(jakpreneur_samples: AgencyServer) -> None:
    result, _ = await try_person(jakpreneur_samples, SITI, shows=True)
    shown = values_of(result)
    assert (shown["name"], shown["stage"], shown["registered_on"]) == ("Warung Bu Siti", "P3_TRAINING", "2021-06-05")


async def test_the_read_of_each_person_is_recorded_with_name_and_purpose(jakpreneur_samples: AgencyServer) -> None:
    _, [(request, [read])] = await try_person(jakpreneur_samples, SITI)
    assert (request.caller.kind, request.caller.subject, request.caller.purpose) == (
        CallerKind.OPERATOR,
        "desk Rina",
        "BUSINESS_SUPPORT",
    )
    assert (read.subject, read.agencies, read.data_classes) == (SITI, ("jakpreneur",), ("PERSONAL",))
    assert read.fields[:3] == ("Msme.id", "Msme.owner", "Msme.nib")


async def test_the_ledger_entry_names_the_legal_basis(serve_process: ServeProcess) -> None:
    options = ("--by", "Rina", "--purpose", "BUSINESS_SUPPORT", "--case", "K-1", "--json")
    outcome = run_simpul(serve_process.state, "agencies", "try", "jakpreneur", "msmes_of", SITI, *options)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    engine = create_database_engine(build_state_url(StateFolder(serve_process.state)))
    async with engine.connect() as connection:
        query = text("SELECT caller_kind, purpose, legal_basis FROM access_entries WHERE \"case\" = 'K-1'")
        entries = (await connection.execute(query)).all()
    await engine.dispose()
    assert [tuple(each) for each in entries] == [("operator", "BUSINESS_SUPPORT", "public-task")]


async def test_a_person_without_a_record_is_recorded_too(jakpreneur_samples: AgencyServer) -> None:
    result, [(_, [read])] = await try_person(jakpreneur_samples, "3171010101019999")
    assert (result.outcome, read.subject) == ("no record", "3171010101019999")


async def test_nothing_is_shown_if_the_read_cannot_be_recorded(jakpreneur_samples: AgencyServer) -> None:
    async def fail(request: RequestInfo, reads: Sequence[SubjectRead]) -> None:
        del request, reads
        raise RuntimeError("no ledger")

    trial = AgencyTrial(manifest=jakpreneur_samples.load_manifest(), read="msmes_of", key=SITI, by="x", purpose="x")
    with pytest.raises(RuntimeError, match="no ledger"):
        await run_trial(trial, DEFAULT_CITY, fail)


async def test_each_unreadable_value_is_named_without_the_value(jakpreneur_samples: AgencyServer) -> None:
    result, _ = await try_person(jakpreneur_samples, RINA, shows=True)
    assert [(each.field, each.columns, each.value, each.problem) for each in result.values if each.problem] == [
        ("Msme.monthly_revenue", "omzet_bulanan", None, "not an amount of money"),
        ("Msme.phone", "telp", None, "not a telephone number"),
    ]
    assert not result.is_good
    assert result.outcome.startswith("AGENCY_MALFORMED: not readable as an amount of money")


async def test_public_data_is_shown_without_name_and_purpose(pangan_samples: AgencyServer) -> None:
    trial = AgencyTrial(manifest=pangan_samples.load_manifest(), read="prices_of", key="1")
    trial.check_purpose()
    result = await run_trial(trial, DEFAULT_CITY, None)
    shown = [(each.field, each.value) for each in result.values if each.field == "Price.price"]
    assert shown == [("Price.price", each) for each in ("13500", None, "18250", "1")]


@pytest.mark.parametrize(
    ("by", "purpose", "problem"),
    [
        (None, "BUSINESS_SUPPORT", r"give your name \(--by\) and a purpose \(--purpose\)"),
        ("Rina", None, r"give your name \(--by\) and a purpose \(--purpose\)"),
        ("Rina", "CURIOSITY", "--purpose: choose one of BUSINESS_SUPPORT, CREDIT_ASSESSMENT, SUBJECT_REQUEST"),
    ],
)
def test_personal_data_needs_a_name_and_an_agreed_purpose(
    jakpreneur_samples: AgencyServer, by: str | None, purpose: str | None, problem: str
) -> None:
    trial = AgencyTrial(manifest=jakpreneur_samples.load_manifest(), read="msmes_of", key=SITI, by=by, purpose=purpose)
    with pytest.raises(CommandError, match=problem):
        trial.check_purpose()


def test_a_wrong_read_key_or_agency_is_one_line(tmp_path: Path, pangan_samples: AgencyServer) -> None:
    variables = dict(pangan_samples.build_variables())
    for arguments, problem in (
        (("pangan", "harga", "1"), "'harga' is not a read of the domain: choose one of "),
        (("pangan", "market_lists", "x"), "the key is a query: write JSON with search, such as "),
        (("museum", "x", "1"), "museum.toml: it cannot be read: No such file or directory"),
    ):
        outcome = run_simpul(tmp_path, "agencies", "try", *arguments, **variables)
        assert (outcome.returncode, problem in outcome.stderr) == (1, True), outcome.stderr
        assert "Traceback" not in outcome.stderr
    outcome = run_simpul(tmp_path, "agencies", "try", "pangan", "prices_of", "1", **variables)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert "Price.price" in outcome.stdout
