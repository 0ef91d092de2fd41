"""`simpul agencies check AGENCY`: one agency beside its manifest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.agencies.agency_check import CheckStep, check_agency
from sandbox.stand_ins.sources import StandInSource
from settings.city.folder import DEFAULT_CITY
from tests.cli.command_line import run_simpul
from tests.connectors.agencies.agency_servers import AgencyServer, run_agency_server
from tests.connectors.agencies.sample_cases import TEST_CITIES


@pytest.fixture(scope="module")
def jakpreneur_samples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgencyServer]:
    with run_agency_server(StandInSource(DEFAULT_CITY, "jakpreneur"), tmp_path_factory.mktemp("check")) as server:
        yield server


def change(server: AgencyServer, folder: Path, *changes: tuple[str, str]) -> Path:
    text = (server.source.city / "agencies" / f"{server.source.code}.toml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / f"{server.source.code}.toml"
    path.write_text(text, encoding="utf-8")
    return path


async def check(server: AgencyServer, path: Path | None = None) -> dict[str, str]:
    steps: list[CheckStep] = [each async for each in check_agency(server.load_manifest(path=path), DEFAULT_CITY)]
    return {each.check: each.outcome for each in sorted(steps, key=lambda each: not each.is_good)}  # problems win


async def test_an_agency_that_fits_its_manifest_passes_every_step(jakpreneur_samples: AgencyServer) -> None:
    found = await check(jakpreneur_samples)
    assert (found["probe"], found["columns"], found["keys"]) == ("ok", "ok", "ok")
    assert "statements" in found


async def test_a_column_that_cannot_be_read_is_named(jakpreneur_samples: AgencyServer, tmp_path: Path) -> None:
    path = change(jakpreneur_samples, tmp_path, ('monthly_revenue = "omzet_bulanan"', 'monthly_revenue = "alamat"'))
    line = path.read_text(encoding="utf-8").splitlines().index('monthly_revenue = "alamat"') + 1
    assert (await check(jakpreneur_samples, path))["columns"] == (
        f"{path}:{line}: records.Msme.monthly_revenue: column 'alamat': not an amount of money, in 1 of 1 rows; name"
        " another column, or say how it is read (`read`, `values`, `none`, `unreadable`)"
    )


async def test_a_column_that_the_database_does_not_have_is_named_with_its_line(
    jakpreneur_samples: AgencyServer, tmp_path: Path
) -> None:
    path = change(jakpreneur_samples, tmp_path, ("omzet_bulanan", "omzet_tahunan"))
    line = path.read_text(encoding="utf-8").splitlines().index('monthly_revenue = "omzet_tahunan"') + 1
    found = await check(jakpreneur_samples, path)
    assert set(found) == {"statements"}
    assert found["statements"].startswith(
        f"{path}:{line}: records.Msme.monthly_revenue: the database has no column 'omzet_tahunan' for reads.msmes"
    )


async def test_a_probe_without_a_record_shows_no_columns(jakpreneur_samples: AgencyServer, tmp_path: Path) -> None:
    path = change(jakpreneur_samples, tmp_path, ('key = "1"', 'key = "999"'))
    found = await check(jakpreneur_samples, path)
    assert found["columns"].startswith("(no row was seen")
    assert found["probe"] == "(no record for the key '999': try one that the agency has)"
    assert "keys" not in found


async def test_keys_that_only_resemble_that_of_the_probe_have_no_record(
    jakpreneur_samples: AgencyServer, tmp_path: Path
) -> None:
    path = change(
        jakpreneur_samples,
        tmp_path,
        ("FROM umkm WHERE id IN :keys ORDER BY id", "FROM umkm WHERE CAST(id AS text) IN :keys ORDER BY id"),
        ('key = "id"\nkey_type = "number"', 'key = "id"'),
    )
    assert (await check(jakpreneur_samples, path))["keys"] == "ok"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgencyServer]:
    with run_agency_server(StandInSource(DEFAULT_CITY, "jakwifi"), tmp_path_factory.mktemp("portal")) as server:
        yield server


async def test_a_portal_that_fits_passes_with_the_reads_that_need_no_person(portal: AgencyServer) -> None:
    found = await check(portal)
    assert (found["columns of the portal"], found["probe"], found["read wifi_point_lists"]) == ("ok", "ok", "ok")
    assert "keys" not in found  # a copy compares exactly


async def test_a_column_that_a_portal_does_not_have_is_named_with_the_nearest(
    portal: AgencyServer, tmp_path: Path
) -> None:
    path = change(portal, tmp_path, ('provider = "penyedia"', 'provider = "penyedya"'))
    found = (await check(portal, path))["columns of the portal"]
    line = path.read_text(encoding="utf-8").splitlines().index('provider = "penyedya"') + 1
    place, _, text = found.partition(": ")
    assert place == f"{path}:{line}"
    assert text.startswith("records.WifiPoint.provider: there is no column 'penyedya'; write 'penyedia'? it has ")


@pytest.fixture(scope="module")
def drop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgencyServer]:
    with run_agency_server(StandInSource(TEST_CITIES / "muara", "wifi"), tmp_path_factory.mktemp("drop")) as server:
        yield server


async def test_a_column_that_a_file_does_not_have_is_named_with_its_line(drop: AgencyServer, tmp_path: Path) -> None:
    assert (await check(drop))["read wifi_points"] == "ok"
    path = change(drop, tmp_path, ('provider = "penyedia"', 'provider = "penyedya"'))
    line = path.read_text(encoding="utf-8").splitlines().index('provider = "penyedya"') + 1
    assert (await check(drop, path))["snapshot points"].startswith(
        f"{path}:{line}: records.WifiPoint.provider: titik wifi.csv: there is no column 'penyedya'; "
    )


@pytest.mark.parametrize(
    ("code", "place"),
    [("jakpreneur", "wire.url"), ("pbb", "reads.objects_of.operation"), ("pangan", "wire.credential")],
)
async def test_a_wrong_credential_is_named_with_its_line(
    tmp_path_factory: pytest.TempPathFactory, code: str, place: str
) -> None:
    with run_agency_server(StandInSource(DEFAULT_CITY, code), tmp_path_factory.mktemp(code)) as server:
        manifest = server.load_manifest(secret="another")
        found = {each.check: each.outcome async for each in check_agency(manifest, DEFAULT_CITY)}
    where, _, text = found["probe"].partition(f": {place}")
    assert where.startswith(f"{manifest.path}:")
    assert "check user, password or key" in text


def test_the_command_fails_for_an_agency_that_does_not_answer(tmp_path: Path) -> None:
    variables = {"SIMPUL_PANGAN_URL": "http://127.0.0.1:9", "SIMPUL_PANGAN_KEY": "x"}
    outcome = run_simpul(tmp_path, "agencies", "check", "pangan", **variables)
    assert outcome.returncode == 1
    assert "pangan.toml:10: wire.url: no connection: check the address, and that it can be reached" in outcome.stdout
    assert outcome.stderr == "simpul: pangan does not fit its manifest: probe\n"
