"""`simpul people` and `simpul token` let a developer act as a sample person."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from auth.caller import Assurance, Caller, CallerKind
from auth.tokens.development_issuer import ISSUER
from cli.sandbox.sample_callers import build_sample_callers, build_sample_partners
from records.identifiers import Nik
from sandbox.population.samples import SAMPLES
from tests.auth.verifiers import build_development_verifier, verify
from tests.cli.command_line import run_simpul
from tests.fakes.clients import build_client

SURE = Assurance.SUBSTANTIAL
PARTS = [
    *(
        "siti",
        "budi",
        "dewi",
        "agus",
        "agus-for-dewi",
        "dapur-siti",
        "rina",
        "hendra",
        "nadia",
        "wulan",
        "yoga",
        "ratna",
    ),
    *("surya", "teguh", "kios"),
]


def verify_token(state: Path, token: str) -> Caller:
    return verify(build_development_verifier(state / "issuer" / "public.json"), f"Bearer {token}")


@pytest.mark.parametrize(
    ("name", "caller"),
    [
        ("siti", Caller(kind=CallerKind.CITIZEN, first_party=True, nik=Nik("3171014506909001"), assurance=SURE)),
        ("agus", Caller(kind=CallerKind.CITIZEN, first_party=True, nik=Nik("3672010101009004"), assurance=SURE)),
        (
            "agus-for-dewi",
            Caller(
                kind=CallerKind.CITIZEN,
                first_party=True,
                nik=Nik("3672010101009004"),
                on_behalf_of=Nik(SAMPLES["dewi"].nik),
                assurance=SURE,
            ),
        ),
        ("dapur-siti", Caller(kind=CallerKind.BUSINESS, nib="9120001234567")),
        (
            "rina",
            Caller(
                kind=CallerKind.OFFICIAL,
                agency="dukcapil",
                unit="Seksi Pelayanan Pendaftaran Penduduk",
                role="registrar",
                purpose="CIVIL_REGISTRATION",
                case="SIPIL/2026/0001",
            ),
        ),
        (
            "hendra",
            Caller(
                kind=CallerKind.OFFICIAL,
                agency="pbb",
                unit="Seksi Penagihan",
                role="tax-officer",
                purpose="TAX_ASSESSMENT",
                case="PAJAK/2026/0001",
            ),
        ),
        (
            "wulan",
            Caller(kind=CallerKind.SUPERVISOR, agency="dukcapil", unit="Inspektorat Pembantu", role="inspector"),
        ),
        ("yoga", Caller(kind=CallerKind.STEWARD, role="walidata")),
        ("ratna", Caller(kind=CallerKind.AUDITOR, role="auditor")),
        ("surya", Caller(kind=CallerKind.PROTECTION_OFFICER, role="protection-officer")),
        ("teguh", Caller(kind=CallerKind.OPERATOR, role="operator")),
        (
            "kios",
            Caller(kind=CallerKind.PARTNER, client=build_client("kios"), scopes=frozenset({"prices:read"})),
        ),
    ],
)
def test_a_token_is_alone_on_its_line_and_identifies_the_sample_person(
    tmp_path: Path, name: str, caller: Caller
) -> None:
    outcome = run_simpul(tmp_path, "token", name)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout.count("\n") == 1
    proven = verify_token(tmp_path, outcome.stdout.strip())
    assert replace(proven, authenticated_at=None) == replace(caller, subject=f"{ISSUER} {name}")
    assert (proven.authenticated_at is not None) is (caller.kind is CallerKind.CITIZEN)


def test_the_key_is_created_once_for_its_owner_only_and_the_public_file_holds_no_secret(tmp_path: Path) -> None:
    first = run_simpul(tmp_path, "token", "siti").stdout.strip()
    private = tmp_path / "issuer" / "private.json"
    key = private.read_text()
    assert private.stat().st_mode & 0o777 == 0o600
    run_simpul(tmp_path, "token", "budi")
    assert private.read_text() == key
    assert '"d"' not in (tmp_path / "issuer" / "public.json").read_text()
    assert verify_token(tmp_path, first).kind is CallerKind.CITIZEN


def test_an_unknown_name_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    outcome = run_simpul(tmp_path, "token", "joko")
    assert (outcome.returncode, outcome.stdout) == (1, "")
    assert outcome.stderr == "simpul: 'joko' is not a sample person: choose one of " + ", ".join(PARTS) + "\n"


def test_people_are_listed_with_their_roles(tmp_path: Path) -> None:
    outcome = run_simpul(tmp_path, "people")
    assert outcome.returncode == 0
    lines = outcome.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["name", *PARTS]
    assert re.split(r"  +", lines[1])[1] == "citizen"
    assert re.split(r"  +", lines[7])[1] == "official of the population register"


def test_there_is_a_sample_person_of_every_kind_that_signs_in() -> None:
    kinds = {each.caller.kind for each in (*build_sample_callers().values(), *build_sample_partners().values())}
    assert kinds == set(CallerKind) - {CallerKind.ANONYMOUS, CallerKind.AGENCY_SYSTEM}
