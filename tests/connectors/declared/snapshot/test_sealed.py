"""Snapshots of personal data: sealed on the disk, found by one key, and bound to it."""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.declared.snapshot.build import BuildPlan, NamedSource
from connectors.declared.snapshot.layout import SnapshotFacts
from connectors.declared.snapshot.process import Build, RowBatches
from connectors.declared.snapshot.sealed_rows import seal_body
from records.calls.answers import DatedAnswers
from records.calls.failures import AgencyMalformed, AgencyUnavailable
from records.identifiers import Nik, Rupiah
from records.msmes import Msme
from tests.connectors.declared.snapshot.enterprises import (
    ALL,
    BUDI,
    NEWER_SECRET,
    SECRET,
    SITI,
    Enterprise,
    build_enterprises,
    build_protection,
    drop_enterprises,
    find_plain_text,
    today,
)
from tests.connectors.declared.snapshot.points import Loading
from tests.connectors.failures import make_call

SECRETS = {secret for each in ALL for secret in each.secrets}


@pytest.fixture
async def loaded(tmp_path: Path) -> AsyncIterator[Loading]:
    """Both files, loaded."""
    drop_enterprises(tmp_path / "drops")
    enterprises, products = build_enterprises(tmp_path)
    assert [await each.load() for each in (enterprises, products)] == ["", ""]
    yield enterprises
    for each in (enterprises, products):
        each.snapshot.close()


async def ask(loading: Loading, read: str, *keys: str) -> Any:  # noqa: ANN401 - answers
    return await getattr(loading.connector, read)(list(keys), make_call())


def change(loading: Loading, statement: str, *values: object) -> None:
    """Change the published file as somebody with access to the disk can."""
    with closing(sqlite3.connect(loading.snapshot.place.current)) as database, database:
        database.execute(statement, values)
    loading.snapshot.close()


async def test_records_are_found_by_their_person_and_by_their_id(loaded: Loading) -> None:
    siti = Msme(
        id="101",
        owner=Nik(SITI.nik),
        nib=None,
        name="Warung Sénen Siti",
        industry_code=None,
        region_code=None,
        stage=None,
        grade=None,
        monthly_revenue=Rupiah(2_500_000),
        registered_on=None,
        phone="+6281234567890",
        address="Jl. Kramat Raya 45",
    )
    assert await ask(loaded, "msmes", "101", "7", "' OR 1=1") == {"101": siti}
    found = await ask(loaded, "msmes_of", SITI.nik, BUDI.nik, "3171999999990001")
    assert {nik: [each.id for each in records] for nik, records in found.items()} == {
        SITI.nik: ["101", "102"],
        BUDI.nik: ["201"],
    }
    products = await ask(loaded, "products_of", "101")
    assert [each.name for each in products["101"]] == ["Kue Warung Sénen Siti"]


async def test_answers_have_the_date_of_the_data(loaded: Loading) -> None:
    found = await ask(loaded, "msmes_of", SITI.nik)
    assert isinstance(found, DatedAnswers)
    assert f"{found.as_of:%Y%m%d}" == today()
    assert found.max_age == 2 * 24 * 3600


async def test_many_keys_are_found_in_one_read(loaded: Loading) -> None:
    assert sorted(await ask(loaded, "msmes", *map(str, range(300)))) == ["101", "102", "201"]


async def test_no_file_of_the_hub_holds_anything_of_a_person_in_plain_text(tmp_path: Path, loaded: Loading) -> None:
    del loaded
    in_drops = {secret for _, secret in find_plain_text(tmp_path / "drops", SECRETS)}
    assert in_drops == SECRETS
    assert [each.name for each in sorted((tmp_path / "snapshots" / "umkm").glob("*.sqlite"))] != []
    assert find_plain_text(tmp_path / "snapshots", SECRETS) == []


async def test_a_file_that_is_being_built_holds_no_plain_text_either(tmp_path: Path, build_in_process: Build) -> None:
    drop_enterprises(tmp_path / "drops", [Enterprise(str(n), f"317101420385{n:04}", f"Toko {n}") for n in range(5_000)])
    seen: list[list[str]] = []

    async def build(plan: BuildPlan, name: str, rows: NamedSource | RowBatches) -> SnapshotFacts:
        facts = await build_in_process(plan, name, rows)
        seen.append(sorted(each.suffix for each in plan.target.parent.iterdir()))
        assert find_plain_text(tmp_path / "snapshots", ["3171014203850", "Toko 1", "Kramat"]) == []
        return facts

    enterprises, _ = build_enterprises(tmp_path, build=build)
    assert await enterprises.load() == ""
    assert seen == [[".building"]]
    assert (await ask(enterprises, "msmes", "4999"))["4999"].name == "Toko 4999"
    enterprises.snapshot.close()


async def test_files_of_two_days_have_no_digest_in_common(tmp_path: Path) -> None:
    drop_enterprises(tmp_path / "drops", day=today(1))
    loading, _ = build_enterprises(tmp_path)
    digests = []
    for _ in range(2):
        assert await loading.load() == ""
        with closing(sqlite3.connect(loading.snapshot.place.current)) as database:
            rows = database.execute(
                "SELECT id, key_owner FROM rows UNION ALL SELECT person, row FROM people"
            ).fetchall()
        digests.append({each for row in rows for each in row})
        drop_enterprises(tmp_path / "drops")
    assert digests[0] & digests[1] == set()
    assert [len(each) for each in digests] == [7, 7]  # 3 ids, 2 owners, and the 2 people once more with another label
    loading.snapshot.close()


async def test_rows_of_equal_form_have_equal_lengths(loaded: Loading) -> None:
    with closing(sqlite3.connect(loaded.snapshot.place.current)) as database:
        assert {length % 64 for (length,) in database.execute("SELECT length(body) FROM rows")} == {4 + 12 + 16}


SWAP = """
    UPDATE rows SET body = other.body
    FROM (SELECT number, body FROM rows) AS other WHERE other.number = 4 - rows.number"""


async def test_swapped_rows_do_not_open(loaded: Loading) -> None:
    change(loaded, SWAP)
    found = await ask(loaded, "msmes", "101", "102", "201")
    assert {key: type(each) for key, each in found.items()} == {
        "101": AgencyMalformed,
        "102": Msme,
        "201": AgencyMalformed,
    }
    assert (found["101"].code, found["101"].detail) == (
        "AGENCY_MALFORMED",
        "a row of the snapshot was changed or moved",
    )


async def test_a_row_under_the_key_of_another_person_does_not_open(loaded: Loading) -> None:
    change(loaded, "UPDATE rows SET key_owner = (SELECT key_owner FROM rows WHERE number = 3) WHERE number = 1")
    found = await ask(loaded, "msmes_of", SITI.nik, BUDI.nik)
    assert [each.id for each in found[SITI.nik]] == ["102"]
    assert found[BUDI.nik].code == "AGENCY_MALFORMED"


async def test_a_changed_row_does_not_open(loaded: Loading) -> None:
    statement = (
        "UPDATE rows SET body = CAST(substr(body, 1, 40)"
        " || CASE substr(body, 41, 1) WHEN X'00' THEN X'01' ELSE X'00' END || substr(body, 42) AS BLOB)"
    )
    change(loaded, statement)
    assert (await ask(loaded, "msmes", "101"))["101"].code == "AGENCY_MALFORMED"


async def test_a_record_about_another_person_than_the_requested_one_is_malformed(loaded: Loading) -> None:
    """A row that opens: the file was written wrongly, and not changed."""
    [budi] = (await ask(loaded, "msmes_of", BUDI.nik))[BUDI.nik]
    keys = loaded.snapshot.open_current().keys
    digests = [keys.hash_key("id", "101"), keys.hash_key("owner", SITI.nik)]
    body = seal_body(msgspec.json.encode(budi).decode(), digests, keys)
    change(loaded, "UPDATE rows SET body = ? WHERE number = 1", body)
    for read, key in (("msmes_of", SITI.nik), ("msmes", "101")):
        failure = (await ask(loaded, read, key))[key]
        assert (failure.code, failure.detail) == ("AGENCY_MALFORMED", "the snapshot has a record about another key")


async def test_a_file_of_another_snapshot_or_without_a_seal_is_not_used(loaded: Loading) -> None:
    place = loaded.snapshot.place
    [products] = place.folder.glob("products-*.sqlite")
    place.current.write_bytes(products.read_bytes())
    loaded.snapshot.close()
    assert (await ask(loaded, "msmes", "101")) == {}  # its keys are those of another place
    change(loaded, "UPDATE facts SET facts = json_remove(facts, '$.seal')")
    with pytest.raises(AgencyUnavailable):
        await ask(loaded, "msmes", "101")


async def test_a_person_with_too_many_rows_fails_alone(tmp_path: Path) -> None:
    many = [Enterprise(str(1_000 + n), SITI.nik, "Warung") for n in range(3_001)]
    drop_enterprises(tmp_path / "drops", [*many, BUDI])
    loading, _ = build_enterprises(tmp_path)
    assert await loading.load() == ""
    found = await ask(loading, "msmes_of", SITI.nik, BUDI.nik)
    assert found[SITI.nik].detail == "more than 3000 records for one key"
    assert [each.id for each in found[BUDI.nik]] == ["201"]
    loading.snapshot.close()


async def test_after_a_change_of_the_key_the_old_one_reads_until_the_next_load(tmp_path: Path) -> None:
    drop_enterprises(tmp_path / "drops")
    first, _ = build_enterprises(tmp_path)
    assert await first.load() == ""
    mark = first.snapshot.open_current().facts.seal
    first.snapshot.close()
    rotated, _ = build_enterprises(tmp_path, protection=build_protection(NEWER_SECRET, SECRET))
    assert sorted(await ask(rotated, "msmes", "101")) == ["101"]
    assert rotated.snapshot.open_current().facts.seal == mark
    assert await rotated.load() == ""  # the drop is the same, and is read again all the same
    assert rotated.published == ["umkm"]
    assert await rotated.load() == ""
    assert rotated.published == ["umkm"]
    rotated.snapshot.close()
    last, _ = build_enterprises(tmp_path, protection=build_protection(NEWER_SECRET))
    assert sorted(await ask(last, "msmes", "101")) == ["101"]
    last.snapshot.close()


async def test_without_its_key_a_file_is_no_copy_and_is_loaded_again(tmp_path: Path) -> None:
    drop_enterprises(tmp_path / "drops")
    first, _ = build_enterprises(tmp_path)
    assert await first.load() == ""
    first.snapshot.close()
    other, _ = build_enterprises(tmp_path, protection=build_protection(NEWER_SECRET))
    with pytest.raises(AgencyUnavailable):
        await ask(other, "msmes", "101")
    assert await other.load() == ""
    assert sorted(await ask(other, "msmes", "101")) == ["101"]
    other.snapshot.close()


def test_keys_appear_in_no_repr_and_the_secret_is_not_sent_to_the_process() -> None:
    protection = build_protection()
    mark, keys = protection.keys.create("umkm/enterprises")
    assert repr((protection, keys)).count("<SnapshotKeys of 1 secrets>") == 1
    sent = pickle.dumps(keys)
    assert SECRET not in sent
    assert pickle.loads(sent).hash_key("id", "1") == protection.keys.find("umkm/enterprises", mark).hash_key("id", "1")  # noqa: S301 - from above
    assert keys.hash_key("id", "1") != protection.keys.find("umkm/products", mark).hash_key("id", "1")
