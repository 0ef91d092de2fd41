"""`simpul agencies check AGENCY` compares a manifest with the schema of its GraphQL server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import graphql
import pytest

from cli.agencies.agency_check import check_agency
from cli.agencies.graphql_check import check_graphql_schema
from connectors.drivers.http.driver import HttpDriver
from sandbox.stand_ins.sources import StandInSource
from settings.city.folder import DEFAULT_CITY
from settings.city.manifest import ManifestFile
from tests.connectors.agencies.agency_servers import AgencyServer, run_agency_server
from tests.connectors.declared.graphql.clubs import respond_each
from tests.connectors.declared.hotspots import open_driver
from tests.connectors.drivers.byte_server import serve_bytes

MANIFEST = DEFAULT_CITY / "agencies" / "disdik.toml"
SDL = (DEFAULT_CITY / "samples" / "disdik" / "schema.graphql").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def disdik(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgencyServer]:
    with run_agency_server(StandInSource(DEFAULT_CITY, "disdik"), tmp_path_factory.mktemp("check")) as server:
        yield server


async def test_an_agency_that_fits_its_schema_passes_every_step(disdik: AgencyServer) -> None:
    steps = {each.check: each async for each in check_agency(disdik.load_manifest(), DEFAULT_CITY)}
    assert {name for name, each in steps.items() if not each.is_good} == set()
    assert [steps[name].outcome for name in ("schema", "probe", "keys", "columns")] == ["ok"] * 4


def answer_sdl(sdl: str) -> Any:  # noqa: ANN401 - a script
    return respond_each(lambda _query, _variables: {"data": {"_service": {"sdl": sdl}}})


def answer_introspection(query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """A server that is no subgraph."""
    del variables
    schema = graphql.build_schema(SDL, assume_valid=True, assume_valid_sdl=True)
    if "_service" in query:
        return {"errors": [{"message": "Cannot query field '_service' on type 'Query'."}]}
    return {"data": graphql.graphql_sync(schema, query).data}


async def list_problems(script: Any, path: Path = MANIFEST) -> list[str]:  # noqa: ANN401 - a script
    async with serve_bytes(script) as server:
        file = ManifestFile.load(path, {"SIMPUL_DISDIK_URL": server.url, "SIMPUL_DISDIK_KEY": "x"})
        driver: HttpDriver = open_driver({"driver": "graphql", "url": server.url})
        try:
            return [f"{each.place}: {each.text}" for each in await check_graphql_schema(file, driver)]
        finally:
            await driver.close()


async def test_introspection_serves_where_there_is_no_subgraph() -> None:
    assert await list_problems(respond_each(answer_introspection)) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("  nama: String!\n", "", "records.School.name: School has no field 'nama'; write 'alamat'?"),
        ("  akreditasi: String\n", "  akreditas: String\n", "School has no field 'akreditasi'; write 'akreditas'?"),
        ("  lokasi: Lokasi\n", "  lokasi: String\n", "records.School.coordinates: 'lokasi' is String"),
        (
            "  tingkat: Int\n",
            "  tingkat: Lokasi\n",
            "records.Student.grade: 'tingkat' is an object: name a field in it",
        ),
        ("type Citizen @key", "type Warga @key", "reads.students_of.entity: there is no type 'Citizen'"),
        ('@key(fields: "npsn")', '@key(fields: "kode")', "reads.schools.key: School has the keys 'kode'"),
        ("schools(first: Int = 100", "schools(first: Int = 100, kota: ID!", "'kota' is required (ID!): give it"),
        (
            "schools(first: Int = 100",
            "schools(first: String",
            '\'first\' is String: write types = { "first" = "String" }',
        ),
        ("after: String", "sesudah: String", "there is no argument 'after'"),
        (
            "  schools(",
            "  sekolah(",
            "snapshots.schools.rows.field: there is no field 'schools'; it has sekolah, students",
        ),
        ("  totalCount: Int!\n", "", "snapshots.schools.rows.paging.total: SchoolConnection has no field 'totalCount'"),
    ],
)
async def test_a_difference_is_named_with_its_place(old: str, new: str, problem: str) -> None:
    assert old in SDL
    found = await list_problems(answer_sdl(SDL.replace(old, new)))
    assert any(problem in each for each in found), found


async def test_a_subgraph_may_extend_a_type_that_it_does_not_define() -> None:
    sdl = SDL.replace("type Citizen @key", "extend type Citizen @key").replace("type Query", "extend type Query")
    assert await list_problems(answer_sdl(sdl)) == []
