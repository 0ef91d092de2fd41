"""`simpul people` and `simpul token` let a developer take a sample person's part."""

from dataclasses import replace
from pathlib import Path

import pytest

from auth.caller import Assurance, Caller, CallerKind
from auth.development import ISSUER
from records.identifiers import Nik
from tests.auth.readers import development_reader, read
from tests.cli.running import simpul

SURE = Assurance.SUBSTANTIAL


def caller_of(state: Path, token: str) -> Caller:
    return read(development_reader(state / "issuer" / "public.json"), f"Bearer {token}")


@pytest.mark.parametrize(
    ("name", "caller"),
    [
        ("siti", Caller(kind=CallerKind.CITIZEN, nik=Nik("3171014506909001"), assurance=SURE)),
        ("agus", Caller(kind=CallerKind.CITIZEN, nik=Nik("3672010101009004"), assurance=SURE)),
        (
            "rina",
            Caller(kind=CallerKind.OFFICIAL, agency="dukcapil", purpose="SUBJECT_REQUEST", case="SUBJEK/2026/0001"),
        ),
        ("kios", Caller(kind=CallerKind.PARTNER, client="kios", scopes=frozenset({"prices:read"}))),
    ],
)
def test_a_token_alone_on_its_line_proves_the_sample_person(tmp_path: Path, name: str, caller: Caller) -> None:
    outcome = simpul(tmp_path, "token", name)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout.count("\n") == 1
    assert caller_of(tmp_path, outcome.stdout.strip()) == replace(caller, subject=f"{ISSUER} {name}")


def test_the_key_is_made_once_for_its_owner_alone_and_the_public_part_holds_no_secret(tmp_path: Path) -> None:
    first = simpul(tmp_path, "token", "siti").stdout.strip()
    private = tmp_path / "issuer" / "private.json"
    key = private.read_text()
    assert private.stat().st_mode & 0o777 == 0o600
    simpul(tmp_path, "token", "budi")
    assert private.read_text() == key
    assert '"d"' not in (tmp_path / "issuer" / "public.json").read_text()
    assert caller_of(tmp_path, first).kind is CallerKind.CITIZEN


def test_an_unknown_name_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    outcome = simpul(tmp_path, "token", "joko")
    assert (outcome.returncode, outcome.stdout) == (1, "")
    assert outcome.stderr == "simpul: 'joko' is no sample person: choose one of siti, budi, dewi, agus, rina, kios\n"


def test_people_are_listed_with_what_they_are(tmp_path: Path) -> None:
    outcome = simpul(tmp_path, "people")
    assert outcome.returncode == 0
    lines = outcome.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["name", "siti", "budi", "dewi", "agus", "rina", "kios"]
    assert lines[1].split("  ")[1].strip() == "citizen"
    assert "official of the population register" in lines[5]
