"""The floor plan of the house: every wall stands, and each is broken by the import it is there to stop.

How `make check` runs the rules is tested in tests/scripts/test_check.py; here every rule is tried.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS = LINTER["contracts"]
LAYERS = set(LINTER["root_packages"]) - {"server"}
FOLDERS = LAYERS | {"scripts"}
UNWALLED = {
    "telemetry.metrics",  # the one room of its layer
    "store.migrations",  # history
}
"""Rooms that no rule is about."""

PLANTED = {
    "Imports run one way": [
        ("records/planted.py", "import connectors.tax"),
        ("engine/planted.py", "import auth.caller"),
        ("auth/planted.py", "import store.database"),
        ("connectors/planted.py", "import resolvers.tax"),
        ("resolvers/planted_too.py", "import services.hub_domains"),
        ("services/planted.py", "import schema.builder"),
        ("web/planted.py", "import server"),
        ("wiring/planted.py", "import server"),
    ],
    "Strawberry lives in schema": [("resolvers/planted.py", "import strawberry")],
    "graphql-core lives in engine and schema": [("web/planted_too.py", "import graphql")],
    "SQLAlchemy lives in the SQL driver and in store": [("connectors/planted_too.py", "from sqlalchemy import text")],
    "aiohttp lives in the HTTP driver": [("connectors/drivers/planted.py", "import aiohttp")],
    "httptools lives in the HTTP driver; uvicorn uses it by itself": [
        ("connectors/drivers/planted_three.py", "import httptools"),
        ("web/planted_four.py", "import httptools"),
    ],
    "aiolimiter lives where agencies are paced": [("connectors/planted_three.py", "import aiolimiter")],
    "sqlglot lives where declared statements are checked": [("connectors/planted_five.py", "import sqlglot")],
    "rapidfuzz lives where manifests are proposed": [("connectors/planted_nine.py", "import rapidfuzz")],
    "holidays lives where a city declares its office": [("records/planted_four.py", "import holidays")],
    "The city folder knows no settings": [("settings/city/planted.py", "import settings.value_types")],
    "zeep lives in the SOAP driver": [("connectors/drivers/planted_too.py", "import zeep")],
    "aiodataloader lives in resolvers": [("schema/planted.py", "from aiodataloader import DataLoader")],
    "Starlette lives in web, server and sandbox": [("auth/planted_too.py", "import starlette.requests")],
    "Jinja2 lives where pages are rendered": [("web/planted_seven.py", "import jinja2")],
    "Protocol Buffers live where GTFS-Realtime is parsed": [
        ("connectors/planted_gtfs.py", "from google.transit import gtfs_realtime_pb2")
    ],
    "Pillow lives where photos are made": [("services/photos/planted.py", "import PIL.Image")],
    "multipart lives where bodies with files are read": [("web/planted_nine.py", "import multipart")],
    "Cryptography lives in auth": [("web/planted_three.py", "import joserfc.jwt")],
    "Redis, and the library of rates, live in cache": [
        ("cache/planted.py", "import redis.asyncio"),
        ("web/planted_five.py", "import throttled"),
    ],
    "Prometheus lives in telemetry": [("web/planted_eight.py", "import prometheus_client")],
    "OpenTelemetry lives in telemetry": [("engine/planted_too.py", "from opentelemetry import trace")],
    "structlog lives in telemetry": [("connectors/planted_four.py", "import structlog")],
    "Records import the standard library only": [("records/planted_too.py", "import pydantic")],
    "The sandbox imports nothing of the hub": [("sandbox/planted.py", "import records.tax")],
    "The hub imports nothing of the sandbox; only cli starts it": [("store/planted.py", "import sandbox.city")],
    "City records know neither calls nor the hub's own records": [
        ("records/hub/planted.py", "import records.calls.call"),
        ("records/calls/planted.py", "import records.tax"),
    ],
    "Sign-in knows tokens, tokens know policy, and cryptography knows none of them": [
        ("auth/crypto/planted.py", "import auth.policy.rules"),
        ("auth/policy/planted.py", "import auth.tokens.issuers"),
        ("auth/tokens/planted.py", "import auth.oidc.sign_in"),
    ],
    "Answers and limits share nothing but the connection to Redis": [
        ("cache/answers/planted.py", "import cache.limits.rate_limiter"),
        ("cache/limits/planted.py", "import cache.answers.slots"),
    ],
    "Consents and rights do not know each other, and operations know no other table": [
        ("store/consents/planted.py", "import store.rights.exports"),
        ("store/ledger/planted.py", "import store.consents.consent_table"),
        ("store/operations/planted.py", "import store.ledger.ledger_hash"),
    ],
    "A document becomes a plan, a plan is executed, its answer is shared": [
        ("engine/graphql_core/planted.py", "import engine.sharing.kept_answers"),
        ("engine/document/planted.py", "import engine.plan.plan"),
        ("engine/plan/planted.py", "import engine.execution.plan_run"),
        ("engine/execution/planted.py", "import engine.graphql_core.executor"),
    ],
    "Connectors use drivers and readers, drivers the gate, and readers nothing": [
        ("connectors/readers/planted.py", "import connectors.drivers.http.driver"),
        ("connectors/drivers/http/planted.py", "import connectors.readers.rows"),
        ("connectors/resilience/planted.py", "import connectors.batching.fan_out"),
    ],
    "Families of declared reads do not know each other, but Open311 goes over HTTP": [
        ("connectors/declared/http/planted_six.py", "import connectors.declared.sql.tables"),
        ("connectors/declared/snapshot/planted.py", "import connectors.declared.files.tables"),
    ],
    "Of drivers, SOAP and files alone know another: they go over HTTP": [
        ("connectors/drivers/sql/planted.py", "import connectors.drivers.http.driver"),
        ("connectors/drivers/http/planted_too.py", "import connectors.drivers.soap.driver"),
        ("connectors/drivers/sql/planted_too.py", "import connectors.drivers.files.driver"),
    ],
    "Cases and places nearby are built from domains, and no domain knows of them": [
        ("resolvers/hub/planted.py", "import resolvers.cases.inbox"),
        ("resolvers/cases/planted.py", "import resolvers.nearby.pages"),
    ],
    "Services do not know each other": [
        ("services/ledger/planted.py", "import services.rights.exports"),
        ("services/consents/planted.py", "import services.hub_domains"),
    ],
    "Tools read types, types use declarations": [
        ("schema/declarations/planted.py", "import schema.types.tax"),
        ("schema/types/planted.py", "import schema.tools.soundness"),
        ("schema/tools/planted.py", "import schema.mutation_root"),
    ],
    "Pages, endpoints and the graph's endpoint do not know each other": [
        ("web/endpoints/planted.py", "import web.pages.words"),
        ("web/graphql/planted.py", "import web.endpoints.health"),
        ("web/pages/planted.py", "import web.endpoints.health"),
    ],
    "What a request passes knows neither page nor endpoint": [
        ("web/admission/planted.py", "import web.pages.words"),
        ("web/middleware/planted.py", "import web.pages.words"),
        ("web/rate_limits/planted.py", "import web.endpoints.export"),
        ("web/server/planted.py", "import web.endpoints.health"),
        ("web/uploads/planted.py", "import web.pages.words"),
    ],
    "Agencies of the sandbox do not know each other": [
        ("sandbox/crm/planted.py", "import sandbox.pbb.server"),
        ("sandbox/population/planted.py", "import sandbox.crm.server"),
    ],
}
"""A wrong import or more for each rule, by the rule's name."""


def run_import_rules(where: Path) -> dict[str, str]:
    """What is said of each rule, by its name; the imports that break it stand below under `details`."""
    outcome = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-P", where / "scripts" / "import_rules.py", "--no-logo", "--no-cache"],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    verdicts = {"details": outcome.stdout}
    for line in outcome.stdout.splitlines():
        for verdict in ("KEPT", "BROKEN"):
            name, found, _ = line.partition(f" {verdict}")
            if found:
                verdicts[name] = verdict
    return verdicts


@pytest.fixture
def copied_layers(tmp_path: Path) -> Path:
    """The project's layers, to plant something in."""
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("server.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_every_rule_is_tried() -> None:
    assert {contract["name"] for contract in CONTRACTS} == set(PLANTED)


def test_every_room_has_a_wall() -> None:
    walled = {
        f"{container}{room}"
        for contract in CONTRACTS
        for container in (*(f"{each}." for each in contract.get("containers", [])), "")
        for key in ("layers", "modules", "source_modules")
        for names in contract.get(key, [])
        for room in names.replace("|", " ").replace(":", " ").split()
    }
    rooms = {f"{path.parent.parent.name}.{path.parent.name}" for path in ROOT.glob("*/*/__init__.py")}
    assert {room for room in rooms if room.partition(".")[0] in LAYERS - {"cli"}} - walled == UNWALLED


def test_every_rule_holds() -> None:
    verdicts = run_import_rules(ROOT)
    assert {name: verdicts.get(name) for name in PLANTED} == dict.fromkeys(PLANTED, "KEPT"), verdicts["details"]


def test_every_rule_is_broken_by_the_import_that_it_is_there_to_stop(copied_layers: Path) -> None:
    for plants in PLANTED.values():
        for where, line in plants:
            assert not (copied_layers / where).exists()
            (copied_layers / where).write_text(f"{line}\n")
    verdicts = run_import_rules(copied_layers)
    assert {name: verdicts.get(name) for name in PLANTED} == dict.fromkeys(PLANTED, "BROKEN"), verdicts["details"]
    for where, _ in (plant for plants in PLANTED.values() for plant in plants):
        assert where.removesuffix(".py").replace("/", ".") in verdicts["details"]
