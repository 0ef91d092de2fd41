"""`simpul breach`: from the record of a breach to the letters and the list of affected people."""

from __future__ import annotations

import asyncio
import base64
import csv
import json
import shlex
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which

import pytest

from auth.caller import CallerKind
from auth.crypto.pseudonyms import Pseudonyms
from cli.sandbox.hub_environment import build_state_url
from records.hub.ledger_entries import LedgerEntry
from records.identifiers import Nik
from sandbox.population.samples import SAMPLES
from sandbox.state_folder import StateFolder
from store.database import create_database_engine
from store.ledger.access_ledger import AccessLedger
from tests.cli.command_line import SIMPUL, ServeProcess, build_environment, run_simpul
from tests.sandbox_agencies import ROOT

SITI, BUDI = (Nik(SAMPLES[name].nik) for name in ("siti", "budi"))
RINA = "kota rina"
LAST_YEAR = datetime.now(UTC) - timedelta(days=365)


@pytest.fixture(scope="module")
def hub_with_reads(serve_process: ServeProcess) -> ServeProcess:
    """A hub where an official read two people a year ago, one of them twice, and another reader read, too."""
    folder = StateFolder(serve_process.state)
    hub_secret = folder.known_secret("ids")
    assert hub_secret is not None
    secret = base64.b64decode(hub_secret)
    pseudonyms = Pseudonyms(secret)

    def access(nik: Nik | None, reader: str, minute: int) -> LedgerEntry:
        return LedgerEntry(
            at=LAST_YEAR + timedelta(minutes=minute),
            request_id="r-of-a-breach",
            subject=None if nik is None else pseudonyms.pseudonymize_person(nik),
            caller_kind="official",
            caller=pseudonyms.pseudonymize_name(CallerKind.OFFICIAL, reader),
            agency="dukcapil",
            legal_basis="public-task",
            document=b"d" * 32,
            agencies=("dukcapil",),
            fields=("Citizen.name", "Residence.address"),
            classification="PERSONAL",
        )

    async def write() -> None:
        engine = create_database_engine(build_state_url(folder))
        ledger = AccessLedger(engine, secret)
        await ledger.start()
        reads = [(SITI, RINA, 1), (BUDI, RINA, 2), (SITI, RINA, 3), (None, RINA, 4), (BUDI, "kota joko", 5)]
        await ledger.write([access(*each) for each in reads])
        await ledger.close()
        await engine.dispose()

    asyncio.run(write())
    return serve_process


def open_breach(hub_with_reads: ServeProcess, *more: str) -> str:
    start, until = (moment.isoformat() for moment in (LAST_YEAR, LAST_YEAR + timedelta(hours=1)))
    outcome = run_simpul(
        hub_with_reads.state, "breach", "open", "Laptop hilang.", "--from", start, "--until", until, *more
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")
    name, _, rest = outcome.stdout.partition(" ")
    assert rest.startswith("is open. All affected people must be notified by ")
    return name


def test_the_deadline_starts_when_the_breach_is_known_and_ends_when_it_is_closed(hub_with_reads: ServeProcess) -> None:
    since = datetime.now(UTC) - timedelta(hours=80)
    name = open_breach(hub_with_reads, "--known-since", since.isoformat(), "--by", "rina")
    [line] = [
        each for each in run_simpul(hub_with_reads.state, "breach", "list").stdout.splitlines() if each.startswith(name)
    ]
    assert "OVERDUE by 8 h 0 min" in line
    assert "Laptop hilang." in line
    assert run_simpul(hub_with_reads.state, "breach", "close", name).stdout == f"{name} is closed.\n"
    [line] = [
        each for each in run_simpul(hub_with_reads.state, "breach", "list").stdout.splitlines() if each.startswith(name)
    ]
    assert line.split()[1] == "closed"
    again = run_simpul(hub_with_reads.state, "breach", "close", name)
    assert again.returncode == 1
    assert f"there is no open breach '{name}'" in again.stderr


def test_the_report_names_people_on_the_citys_list_and_seals_the_others(
    hub_with_reads: ServeProcess, tmp_path: Path
) -> None:
    name = open_breach(hub_with_reads, "--kind", "official", "--reader", RINA)
    residents = tmp_path / "residents.csv"
    residents.write_text(f"nik,nama\n3171010101010001,Orang Lain\n{SITI},Siti Rahmawati\n")
    into = tmp_path / "report"
    outcome = run_simpul(
        hub_with_reads.state,
        "breach",
        "report",
        name,
        "--into",
        str(into),
        "--residents",
        str(residents),
        "--how",
        "Dicuri.",
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert "2 people are affected, by 4 reads; the list has 1 name." in outcome.stdout
    assert "1 more read of unidentified people." in outcome.stdout
    assert SITI not in outcome.stdout
    rows = list(csv.DictReader((into / "affected.csv").read_text().splitlines()))
    assert {row["person"]: row["reads"] for row in rows if row["known"] == "yes"} == {SITI: "2"}
    [sealed] = [row for row in rows if row["known"] == "no"]
    assert len(sealed["person"]) == 64
    assert (sealed["reads"], sealed["fields"], sealed["classes"]) == ("1", "Citizen.name Residence.address", "PERSONAL")
    summary = json.loads((into / "summary.json").read_text())
    assert (summary["people"], summary["people_named"], summary["reads"], summary["reads_about_unknown"]) == (
        2,
        1,
        4,
        1,
    )
    people, authority = ((into / f"breach-{recipient}.md").read_text() for recipient in ("people", "authority"))
    assert "**Bagaimana.** Dicuri." in people
    assert "2 orang" in authority
    assert not any(nik in text for nik in (SITI, BUDI) for text in (people, authority, json.dumps(summary)))
    assert {path.stat().st_mode & 0o777 for path in into.iterdir()} == {0o600}
    assert into.stat().st_mode & 0o777 == 0o700


def test_without_a_list_no_person_is_named_and_no_report_is_overwritten(
    hub_with_reads: ServeProcess, tmp_path: Path
) -> None:
    name = open_breach(hub_with_reads)
    into = tmp_path / "report"
    outcome = run_simpul(hub_with_reads.state, "breach", "report", name, "--into", str(into))
    assert "2 people are affected, by 5 reads; the list has 0 names." in outcome.stdout
    assert not any(nik in (into / "affected.csv").read_text() for nik in (SITI, BUDI))
    again = run_simpul(hub_with_reads.state, "breach", "report", name, "--into", str(into))
    assert again.returncode == 1
    assert "exists already" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("open", "x", "--from", "yesterday"), "--from 'yesterday' is not a time"),
        (("open", "x", "--from", "2026-11-02", "--until", "2026-11-01"), "--from is after --until"),
        (
            ("open", "x", "--from", "2026-01-01", "--known-since", "2999-01-01"),
            "--known-since is in the future: give the time at which it became known",
        ),
        (("open", "x", "--from", "2026-01-01", "--kind", "burglar"), "--kind 'burglar' is not a kind of caller"),
        (("open", "x", "--from", "2026-01-01", "--reader", "a b"), "--reader needs the reader's --kind"),
        (("open", "x", "--from", "2026-01-01", "--reader", "a", "--kind", "citizen"), "citizens cannot be named"),
        (("report", "B-1999-0001", "--into", "/nowhere/at/all"), "there is no breach 'B-1999-0001'"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_invalid_arguments_are_refused_in_one_line(
    hub_with_reads: ServeProcess, arguments: tuple[str, ...], message: str
) -> None:
    outcome = run_simpul(hub_with_reads.state, "breach", *arguments)
    assert outcome.returncode == 1
    assert message in outcome.stderr


def test_a_malformed_list_of_residents_is_refused_without_repeating_it(
    hub_with_reads: ServeProcess, tmp_path: Path
) -> None:
    residents = tmp_path / "residents"
    residents.write_text(f"{SITI}\nrahasia-317101\n")
    name = open_breach(hub_with_reads)
    outcome = run_simpul(
        hub_with_reads.state, "breach", "report", name, "--into", str(tmp_path / "r"), "--residents", str(residents)
    )
    assert outcome.returncode == 1
    assert "line 2: the line must begin with a NIK of 16 digits" in outcome.stderr
    assert "rahasia" not in outcome.stderr


def test_the_exercise_of_the_documentation_works(hub_with_reads: ServeProcess, tmp_path: Path) -> None:
    if which("curl") is None:
        pytest.skip("curl is not installed, which the exercise of the documentation calls")
    page = (ROOT / "docs" / "operators" / "breach.md").read_text()
    _, *blocks = page.partition("## Exercise")[2].split("```sh\n")
    lines = "\n".join(block.partition("```")[0] for block in blocks)
    command = " ".join(map(shlex.quote, SIMPUL))
    script = lines.replace(".venv/bin/simpul", command).replace("127.0.0.1:8000", f"127.0.0.1:{hub_with_reads.port}")
    script = script.replace("--from 2026-01-01", f"--from {datetime.now(UTC).isoformat()}")  # others read here, too
    number = len(run_simpul(hub_with_reads.state, "breach", "list").stdout.splitlines())
    name = f"B-{datetime.now(UTC).year}-{max(number, 1):04}"
    done = subprocess.run(  # noqa: S603 - what the documentation says, in this test's folder
        ["/bin/sh", "-e", "-c", script.replace("B-2026-0001", name)],
        env=build_environment(hub_with_reads.state),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{name} is open." in done.stdout
    rows = list(csv.DictReader((tmp_path / "exercise" / "affected.csv").read_text().splitlines()))
    assert sorted(row["known"] for row in rows) == ["no", "yes"]
    assert {row["person"] for row in rows if row["known"] == "yes"} == {SITI}
    letter = (tmp_path / "exercise" / "breach-people.md").read_text()
    assert "tempat tinggal, identitas" in letter
    assert "**Bagaimana.** Laptop dicuri di kereta." in letter
    assert "[ISI: upaya]" in letter
