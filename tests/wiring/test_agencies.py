"""Connectors are built from manifests; every problem of a manifest names its file, its line and the fix."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from time import monotonic
from typing import Any, Self, cast

import pytest
from graphql import GraphQLObjectType
from pydantic import Field

from connectors.connector_parts import ConnectorParts
from connectors.declared.open311.complaints import Open311Complaints
from connectors.declared.snapshot.loader import SnapshotSource
from connectors.declared.tables import ManifestTable
from records.calls.call import Call
from resolvers.cached_batches import CachedBatchReader
from resolvers.complaints import Complaints
from resolvers.prices import Prices
from resolvers.tax import Tax
from schema.builder import build_schema, get_graphql_schema
from schema.tools.holdings import get_holders
from settings.city.folder import DEFAULT_CITY, load_city
from settings.city.problems import ManifestError
from store.database import create_database_engine
from tests.connectors.drivers.byte_server import ReceivedRequest, reply, serve_bytes
from tests.fakes.city import VARIABLES, build_plain_city, write_city
from tests.fakes.small_hub import build_settings
from wiring.agencies import Connectors, build_connectors

SOAP_WIRE = {"driver": "soap", "url": "http://127.0.0.1:9", "wsdl": "property_tax.wsdl"}


def prove_types(complaints: Open311Complaints) -> Complaints:
    """For mypy: the connector answers the reads of its domain."""
    return complaints


def build(folder: Path, **changes: Any) -> Connectors:  # noqa: ANN401 - the changes of `write_city`
    return build_of(write_city(folder / "city", **changes))


def build_of(city: Path) -> Connectors:
    settings = build_settings((), issuer_keys=Path("none"), city=load_city(city, VARIABLES))
    return build_connectors(settings, create_database_engine("postgresql://nobody@127.0.0.1:9/none"))


async def test_each_agency_answers_its_domain(tmp_path: Path) -> None:
    connectors = build(tmp_path)
    domains = {code: each.domain for code, each in connectors.agencies.items()}
    manifests = sorted((DEFAULT_CITY / "agencies").iterdir())
    assert domains == {each.stem: tomllib.loads(each.read_text(encoding="utf-8"))["domain"] for each in manifests}
    assert (domains["crm"], domains["pbb"]) == ("complaints", "tax")
    tax: object = connectors.bind_domains({})[Tax]
    assert tax is connectors.agencies["pbb"].connector
    assert list(connectors.gates) == list(connectors.agencies)
    await connectors.close()


async def test_a_city_whose_agency_lacks_a_read_has_a_graph_without_its_fields(tmp_path: Path) -> None:
    manifest = DEFAULT_CITY / "agencies" / "pangan.toml"
    reads = tomllib.loads(manifest.read_text(encoding="utf-8"))["reads"]
    kept = {name: each for name, each in reads.items() if name != "trends"}
    connectors = build(tmp_path, changes={"pangan": {"reads": kept, "lacks": ["trends"]}})
    commodity = get_graphql_schema(build_schema(connectors.codes)).type_map["Commodity"]
    assert isinstance(commodity, GraphQLObjectType)
    assert sorted(commodity.fields) == ["id", "name", "unit"]
    await connectors.close()


class PublishingLoader:
    """Publishes new data of its snapshot as soon as it runs."""

    def __init__(
        self, source: SnapshotSource, *, on_published: Callable[[str], Awaitable[object]], build: object
    ) -> None:
        del build
        self._agency = source.snapshot.agency
        self._on_published = on_published

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self._on_published(self._agency)
        yield

    async def wait_for_data(self) -> None:
        """There is data."""


class InvalidatedReader:
    def __init__(self) -> None:
        self.agencies: set[str] = set()

    async def invalidate_agency(self, agency: str) -> bool:
        self.agencies.add(agency)
        return True


async def test_new_data_of_a_snapshot_empties_caches_only_for_agencies_with_cached_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wiring.agencies.SnapshotLoader", PublishingLoader)
    connectors = build(tmp_path)
    copied = {each.snapshot.agency for each in connectors.snapshots}
    assert {"bansos", "disdik", "faskes", "satusehat"} <= copied
    reader = InvalidatedReader()
    async with connectors.loading([cast("CachedBatchReader", reader)]):
        assert reader.agencies == {"disdik", "satusehat"}  # their manifests say for how long answers are fresh
    await connectors.close()


def test_unreachable_agencies_do_not_stop_the_start() -> None:
    assert list(build_plain_city().agencies) == sorted(build_plain_city().agencies)


@pytest.mark.parametrize(
    ("agency", "key", "value", "problem"),
    [
        (
            "pbb",
            "wire",
            SOAP_WIRE | {"wsdl": "gone.wsdl"},
            "wire.wsdl: gone.wsdl cannot be read: No such file or directory",
        ),
        ("pbb", "wire", SOAP_WIRE | {"wsdl": "../agencies/geheim"}, "wire.wsdl: not a file in the folder wsdl of the"),
        ("pbb", "wire", SOAP_WIRE | {"wsdl": "/etc/geheim"}, "wire.wsdl: not a file in the folder wsdl of the city"),
        (
            "pbb",
            "wire",
            SOAP_WIRE | {"version": "1.2"},
            "wire.wsdl: the WSDL property_tax.wsdl describes no SOAP 1.2 port; see `version`",
        ),
        (
            "pbb",
            "wire",
            SOAP_WIRE | {"headers": {"kepala": {"pengguna": "geheim"}}},
            "wire.headers.kepala: no operation has such a header part; they have otentikasi",
        ),
        (
            "pbb",
            "wire",
            SOAP_WIRE | {"headers": {"otentikasi": {"sandi": "geheim"}}},
            "wire.headers.otentikasi.sandi: the WSDL has no element 'sandi' here; it has pengguna, kata_sandi",
        ),
        (
            "pbb",
            "wire",
            SOAP_WIRE | {"headers": {"otentikasi": {"pengguna": "geheim"}}},
            "reads.objects_of.arguments: GetObjekByNik: Missing element kata_sandi",
        ),
        ("crm", "lacks", ["pages"], "lacks: only declared reads can be left out; remove this line"),
        ("dukcapil", "options", {"speed": 1}, "options: they belong to a connector in Python; remove this table"),
        ("pangan", "terms", {"sessions": 20}, "terms.sessions: only a database has sessions; remove this line"),
        ("pangan", "terms", {"max_batch_size": 2}, "terms.max_batch_size: the agency takes one key per call; remove"),
        ("pbb", "terms", {"max_batch_size": 2}, "terms.max_batch_size: the agency takes one key per call; remove"),
        ("pbb", "terms", {"hedge": True}, "terms.hedge: the agency is not called by GET; remove this line"),
        ("crm", "wire", {"driver": "open311", "url": "ftp://geheim", "visibility": "private"}, "wire.url: "),
        (
            "crm",
            "wire",
            {"driver": "open311", "url": "http://127.0.0.1:9", "visibility": "private"},
            'records.Complaint: is_public and wire.visibility = "by_request" need each other',
        ),
        (
            "crm",
            "records",
            {"Complaint": {"is_public": {"from": "a", "values": {"x": True}, "unknown": False}}},
            "records.Complaint: extensions.reporter and extensions.handling need the column of `reporter`",
        ),
        (
            "dukcapil",
            "wire",
            {"driver": "sql", "url": "oracle://geheim"},
            "wire.url: The address of the agency 'dukcapil' must",
        ),
    ],
)
def test_a_manifest_that_does_not_suit_its_connector_is_named(
    tmp_path: Path,
    agency: str,
    key: str,
    value: Any,  # noqa: ANN401 - TOML
    problem: str,
) -> None:
    with pytest.raises(ManifestError) as refused:
        build(tmp_path, changes={agency: {key: value}})
    assert len(refused.value.problems) == 1
    found = str(refused.value)
    place, _, rest = found.removeprefix(f"{tmp_path}/city/agencies/{agency}.toml:").partition(": ")
    assert (place.isdigit(), rest.startswith(problem)) == (True, True), found
    assert "geheim" not in found


class FakeOptions(ManifestTable):
    """The options of `FakePrices`."""

    speed: int = Field(default=1, le=9)


class FakePrices:
    """A connector in Python, which answers no reads."""

    def __init__(self, speed: int) -> None:
        self.speed = speed

    @classmethod
    def connect(cls, parts: ConnectorParts) -> Self:
        return cls(parts.read_options(FakeOptions).speed)


class FakeConnector(FakePrices):
    """One that answers the reads of prices."""

    market_lists = markets = commodity_lists = commodities = prices_of = trends = FakePrices.connect


@pytest.mark.parametrize(
    ("connector", "options", "problem"),
    [
        ("Nothing", None, "connector: connectors.complaints has no connector 'Nothing'"),
        ("FakeOptions", None, "connector: connectors.complaints has no connector 'FakeOptions'"),
        ("FakePrices", None, "connector: it does not answer the read 'commodities' of its domain"),
        ("FakeConnector", {"speed": 10}, "options.speed: write a number of at most 9"),
        ("FakeConnector", {"colour": 1}, "options.colour: unknown key; remove it: [options] has speed"),
        ("FakeConnector", {"speed": 9}, ""),
    ],
)
def test_a_connector_in_python_answers_its_domain_and_has_its_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, connector: str, options: object, problem: str
) -> None:
    for each in (FakeOptions, FakePrices, FakeConnector):
        monkeypatch.setattr(f"connectors.complaints.{each.__name__}", each, raising=False)
    declared = dict.fromkeys(["defaults", "reads", "records", "trouble", "probe"])
    changes = {"pangan": {"connector": f"connectors.complaints:{connector}", "options": options, **declared}}
    if problem:
        with pytest.raises(ManifestError) as refused:
            build(tmp_path, changes=changes)
        assert str(refused.value).endswith(problem)
        return
    found = build(tmp_path, changes=changes).agencies["pangan"].connector
    assert isinstance(found, FakeConnector)
    assert found.speed == 9


def test_problems_of_all_agencies_are_named_together(tmp_path: Path) -> None:
    changes = {agency: {"terms": {"max_batch_size": 1}} for agency in ("pbb", "pangan")}
    with pytest.raises(ManifestError) as refused:
        build(tmp_path, changes=changes)
    assert [each.path.name for each in refused.value.problems] == ["pangan.toml", "pbb.toml"]


async def test_the_name_of_a_manifest_is_the_code_of_its_agency_everywhere(tmp_path: Path) -> None:
    city = write_city(tmp_path / "city")
    (city / "agencies" / "pbb.toml").rename(city / "agencies" / "pajak.toml")
    connectors = build_of(city)
    assert list(connectors.agencies) == sorted({*build_plain_city().agencies, "pajak"} - {"pbb"})
    assert connectors.gates["pajak"].agency == "pajak"
    assert connectors.bind_domains({}).codes.get(Tax) == "pajak"
    holders = get_holders(get_graphql_schema(build_schema(connectors.codes)))
    assert (holders["TaxBill.amount"], holders["Residence.address"]) == ("pajak", "dukcapil")
    await connectors.close()


def add_oauth2(url: str, token_url: str) -> dict[str, object]:
    oauth2 = {"token_url": token_url, "client_id": "simpul", "client_secret": "rahasia"}
    return {"pangan": {"url": url, "credential": {"oauth2": oauth2, "expires_on": date(2030, 1, 2)}}}


def test_an_unsafe_credential_names_its_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        build(tmp_path, wire=add_oauth2("https://pangan.example", "http://sso.example/token"))
    text = (tmp_path / "city" / "agencies" / "pangan.toml").read_text()
    line = 1 + text[: text.index("token_url = ")].count("\n")
    assert str(caught.value) == (
        f"{tmp_path}/city/agencies/pangan.toml:{line}: wire.credential.oauth2.token_url: the client secret would travel"
        " in plain text between machines: use https"
    )


async def test_a_declared_read_uses_the_declared_credential(tmp_path: Path) -> None:
    async def script(asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        is_token = asked.target == "/token"
        writer.write(reply(200, b'{"access_token": "t-1", "token_type": "Bearer"}' if is_token else b'{"data": []}'))

    async with serve_bytes(script) as server:
        connectors = build(tmp_path, wire=add_oauth2(server.url, f"{server.url}/token"))
        prices: Prices = connectors.bind_domains({})[Prices]
        assert await prices.markets(["1"], Call(deadline=monotonic() + 5, request_id="r")) == {}
        assert dict(connectors.get_credential_expiries()["pangan"]) == {
            "secret": datetime(2030, 1, 2, tzinfo=UTC).timestamp()
        }
        await connectors.close()
    assert [(each.target, each.headers.get("authorization")) for each in server.asked] == [
        ("/token", "Basic c2ltcHVsOnJhaGFzaWE="),
        ("/api2/v1/master-data/market", "Bearer t-1"),
    ]


def test_too_few_sessions_for_the_processes_are_named_with_their_line(tmp_path: Path) -> None:
    city = load_city(write_city(tmp_path / "city", terms={"dukcapil": {"sessions": 7}}), VARIABLES)
    settings = build_settings((), issuer_keys=Path("none"), city=city, hubs=2, workers=2)
    with pytest.raises(ManifestError) as refused:
        build_connectors(settings, create_database_engine("postgresql://nobody@127.0.0.1:9/none"))
    [problem] = refused.value.problems
    assert str(problem).startswith(
        f"{tmp_path}/city/agencies/dukcapil.toml:{problem.line}: terms.sessions: 8 processes need"
    )
    lines = problem.path.read_text(encoding="utf-8").splitlines()
    assert lines[(problem.line or 0) - 1] == "sessions = 7"
