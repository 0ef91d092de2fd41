"""`simpul breach`: from what happened to the letters and the list of those who have to be told."""

from __future__ import annotations

import asyncio
import base64
import csv
import json
import shlex
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auth.caller import CallerKind
from auth.pseudonyms import Pseudonyms
from cli.hub_environment import state_url
from records.accesses import Access
from records.identifiers import Nik
from sandbox.samples import SAMPLES
from sandbox.state_folder import StateFolder
from store.access_ledger import AccessLedger
from store.database import database
from tests.city import ROOT
from tests.cli.running import SIMPUL, Serve, environment, simpul

SITI, BUDI = (Nik(SAMPLES[name].nik) for name in ("siti", "budi"))
RINA = "kota rina"
LAST_YEAR = datetime.now(UTC) - timedelta(days=365)


@pytest.fixture(scope="module")
def read(running: Serve) -> Serve:
    """The hub, of which an official read two people a year ago, twice one of them, as did somebody else."""
    folder = StateFolder(running.state)
    kept = folder.known_secret("ids")
    assert kept is not None
    secret = base64.b64decode(kept)
    pseudonyms = Pseudonyms(secret)

    def access(nik: Nik | None, reader: str, minute: int) -> Access:
        return Access(
            at=LAST_YEAR + timedelta(minutes=minute),
            request_id="r-of-a-breach",
            subject=None if nik is None else pseudonyms.of_person(nik),
            caller_kind="official",
            caller=pseudonyms.of_named(CallerKind.OFFICIAL, reader),
            agency="dukcapil",
            legal_basis="public-task",
            document=b"d" * 32,
            agencies=("dukcapil",),
            fields=("Citizen.name", "Residence.address"),
            classification="PERSONAL",
        )

    async def write() -> None:
        engine = database(state_url(folder))
        ledger = AccessLedger(engine, secret)
        await ledger.start()
        reads = [(SITI, RINA, 1), (BUDI, RINA, 2), (SITI, RINA, 3), (None, RINA, 4), (BUDI, "kota joko", 5)]
        await ledger.write([access(*each) for each in reads])
        await ledger.close()
        await engine.dispose()

    asyncio.run(write())
    return running


def opened(read: Serve, *more: str) -> str:
    start, until = (moment.isoformat() for moment in (LAST_YEAR, LAST_YEAR + timedelta(hours=1)))
    outcome = simpul(read.state, "breach", "open", "Laptop hilang.", "--from", start, "--until", until, *more)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    name, _, rest = outcome.stdout.partition(" ")
    assert rest.startswith("is open. Everybody has to be told by ")
    return name


def test_the_clock_runs_from_when_it_was_known_and_ends_when_it_is_closed(read: Serve) -> None:
    since = datetime.now(UTC) - timedelta(hours=80)
    name = opened(read, "--known-since", since.isoformat(), "--by", "rina")
    [line] = [each for each in simpul(read.state, "breach", "list").stdout.splitlines() if each.startswith(name)]
    assert "OVERDUE by 8 h 0 min" in line
    assert "Laptop hilang." in line
    assert simpul(read.state, "breach", "close", name).stdout == f"{name} is closed.\n"
    [line] = [each for each in simpul(read.state, "breach", "list").stdout.splitlines() if each.startswith(name)]
    assert line.split()[1] == "closed"
    again = simpul(read.state, "breach", "close", name)
    assert again.returncode == 1
    assert f"there is no open breach '{name}'" in again.stderr


def test_the_report_names_those_who_are_on_the_citys_list_and_seals_the_others(read: Serve, tmp_path: Path) -> None:
    name = opened(read, "--kind", "official", "--reader", RINA)
    residents = tmp_path / "residents.csv"
    residents.write_text(f"nik,nama\n3171010101010001,Orang Lain\n{SITI},Siti Rahmawati\n")
    into = tmp_path / "report"
    outcome = simpul(
        read.state, "breach", "report", name, "--into", str(into), "--residents", str(residents), "--how", "Dicuri."
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert "2 people are affected, by 4 reads; 1 of them are named." in outcome.stdout
    assert "1 reads are about somebody whom nobody knows." in outcome.stdout
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
    people, authority = ((into / f"breach-{whom}.md").read_text() for whom in ("people", "authority"))
    assert "**Bagaimana.** Dicuri." in people
    assert "2 orang" in authority
    assert not any(nik in text for nik in (SITI, BUDI) for text in (people, authority, json.dumps(summary)))
    assert {path.stat().st_mode & 0o777 for path in into.iterdir()} == {0o600}
    assert into.stat().st_mode & 0o777 == 0o700


def test_without_a_list_nobody_is_named_and_no_report_is_written_over(read: Serve, tmp_path: Path) -> None:
    name = opened(read)
    into = tmp_path / "report"
    outcome = simpul(read.state, "breach", "report", name, "--into", str(into))
    assert "2 people are affected, by 5 reads; 0 of them are named." in outcome.stdout
    assert not any(nik in (into / "affected.csv").read_text() for nik in (SITI, BUDI))
    again = simpul(read.state, "breach", "report", name, "--into", str(into))
    assert again.returncode == 1
    assert "is there already" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("open", "x", "--from", "yesterday"), "--from 'yesterday' is no moment"),
        (("open", "x", "--from", "2026-11-02", "--until", "2026-11-01"), "--from lies after --until"),
        (("open", "x", "--from", "2026-01-01", "--known-since", "2999-01-01"), "--known-since lies in the future"),
        (("open", "x", "--from", "2026-01-01", "--kind", "burglar"), "--kind 'burglar' is no kind of caller"),
        (("open", "x", "--from", "2026-01-01", "--reader", "a b"), "--reader needs the --kind"),
        (("open", "x", "--from", "2026-01-01", "--reader", "a", "--kind", "citizen"), "no citizen is named"),
        (("report", "B-1999-0001", "--into", "/nowhere/at/all"), "there is no breach 'B-1999-0001'"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_cannot_be_is_refused_in_one_line(read: Serve, arguments: tuple[str, ...], says: str) -> None:
    outcome = simpul(read.state, "breach", *arguments)
    assert outcome.returncode == 1
    assert says in outcome.stderr


def test_a_list_of_residents_that_is_none_is_refused_without_repeating_it(read: Serve, tmp_path: Path) -> None:
    residents = tmp_path / "residents"
    residents.write_text(f"{SITI}\nrahasia-317101\n")
    name = opened(read)
    outcome = simpul(read.state, "breach", "report", name, "--into", str(tmp_path / "r"), "--residents", str(residents))
    assert outcome.returncode == 1
    assert "line 2: no NIK of 16 digits stands first" in outcome.stderr
    assert "rahasia" not in outcome.stderr


def test_the_exercise_of_the_documentation_goes_as_it_says(read: Serve, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "operators" / "breach.md").read_text()
    _, *blocks = page.partition("## Exercise")[2].split("```sh\n")
    lines = "\n".join(block.partition("```")[0] for block in blocks)
    command = " ".join(map(shlex.quote, SIMPUL))
    script = lines.replace(".venv/bin/simpul", command).replace("127.0.0.1:8000", f"127.0.0.1:{read.port}")
    script = script.replace("--from 2026-01-01", f"--from {datetime.now(UTC).isoformat()}")  # others read here, too
    number = len(simpul(read.state, "breach", "list").stdout.splitlines())
    name = f"B-{datetime.now(UTC).year}-{max(number, 1):04}"
    done = subprocess.run(  # noqa: S603 - what the documentation says, in this test's folder
        ["/bin/sh", "-e", "-c", script.replace("B-2026-0001", name)],
        env=environment(read.state),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
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
