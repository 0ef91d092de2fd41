"""schemathesis sends generated requests to everything that the hub serves, and finds nothing.

One of its checks is off: that every value of the right type is accepted. Arguments of the graph and of the Data Tracker
have rules beyond their types (`first` is from 1 to 100, a code is a NIK), and refuse other values with a code.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from graphql import REMOVE, NamedTypeNode, NameNode, ScalarTypeDefinitionNode, Visitor, parse, print_ast, visit

from auth.caller import Caller, CallerKind
from schema.declarations.scalars import build_scalar_map
from tests.attacks.conftest import PORTAL
from tests.attacks.scanners.scanner_runner import Schemathesis, preload_schemathesis
from tests.journeys.hub import HubClient
from tests.sandbox_agencies import ROOT

SEED = "20261124"
EXAMPLES, MANY_EXAMPLES = 3, 2_000
BEYOND_TYPES = "positive_data_acceptance"
WHO_MAY_ASK = "status_code_conformance"
"""The Data Tracker's document does not define the response to an unauthorized caller."""
OF_REQUESTS = ("Mutation.grantConsent", "Mutation.refuseConsent", "Mutation.revokeConsent")
"""The response to an unknown id, CONSENT_UNKNOWN beside null, counts as a fault of the server there."""
DATA_TRACKER = ROOT / "tests" / "web" / "endpoints" / "data_tracker.openapi.yaml"
PORTAL_CALLER = Caller(kind=CallerKind.PARTNER, client=PORTAL)
SCALARS = {each.name for each in build_scalar_map().values()}


class _AsStrings(Visitor):
    """Replaces the graph's own scalars by strings."""

    def enter_scalar_type_definition(self, _node: ScalarTypeDefinitionNode, *_: object) -> Any:  # noqa: ANN401 - Visitor's
        return REMOVE

    def enter_named_type(self, node: NamedTypeNode, *_: object) -> Any:  # noqa: ANN401 - Visitor's
        return NamedTypeNode(name=NameNode(value="String")) if node.name.value in SCALARS else None


def graph(folder: Path) -> Path:
    """The graph with strings in place of custom scalars, which schemathesis cannot generate."""
    document = parse((ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8"))
    path = folder / "graph.graphql"
    path.write_text(print_ast(visit(document, _AsStrings())), encoding="utf-8")
    return path


@dataclass(frozen=True, kw_only=True)
class SchemathesisRun:
    """The target of a scan, its caller and its intensity."""

    where: str
    document: Path
    caller: str | Caller | None
    without: str = BEYOND_TYPES
    examples: int = EXAMPLES
    timeout: float = 300
    excluded: Sequence[str] = ()


@pytest.fixture(scope="module")
async def schemathesis() -> AsyncIterator[Schemathesis]:
    async with preload_schemathesis() as running:
        yield running


Scan = Callable[[SchemathesisRun], Awaitable[None]]


@pytest.fixture
def scan(wired: HubClient, schemathesis: Schemathesis, tmp_path: Path) -> Scan:
    return partial(assert_no_findings, wired, schemathesis, tmp_path)


async def assert_no_findings(hub: HubClient, schemathesis: Schemathesis, folder: Path, run: SchemathesisRun) -> None:
    token = [option for name, value in hub.headers(run.caller).items() for option in ("-H", f"{name}: {value}")]
    scanned = await schemathesis.scan(
        "run",
        str(run.document),
        *("-u", f"{hub.url}{run.where}", "--seed", SEED, "-n", str(run.examples), *token),
        *("--checks", "all", "--exclude-checks", run.without, "--continue-on-failure"),
        *(option for name in run.excluded for option in ("--exclude-name", name)),
        timeout=run.timeout,
        folder=folder,
    )
    assert scanned.code == 0, scanned.output
    assert "Failures" not in scanned.output
    assert int(re.findall(r"(\d+) generated", scanned.output)[0]) >= 1


@pytest.mark.parametrize("caller", [None, "siti", "rina"])
async def test_the_graph(scan: Scan, tmp_path: Path, caller: str | None) -> None:
    await scan(
        SchemathesisRun(where="/graphql", document=graph(tmp_path), caller=caller, excluded=OF_REQUESTS),
    )


async def test_the_data_tracker(scan: Scan) -> None:
    await scan(SchemathesisRun(where="", document=DATA_TRACKER, caller=PORTAL_CALLER))


@pytest.mark.parametrize("caller", [None, "siti"])
async def test_the_data_tracker_for_a_caller_it_does_not_answer(scan: Scan, caller: str | None) -> None:
    without = f"{BEYOND_TYPES},{WHO_MAY_ASK}"
    await scan(SchemathesisRun(where="", document=DATA_TRACKER, caller=caller, without=without, examples=5))


async def test_the_health(scan: Scan) -> None:
    document = Path(__file__).with_name("health.openapi.yaml")
    await scan(SchemathesisRun(where="", document=document, caller=None))


@pytest.mark.long
@pytest.mark.parametrize("caller", [None, "siti", "rina"])
async def test_the_graph_for_minutes(scan: Scan, tmp_path: Path, caller: str | None) -> None:
    await scan(
        SchemathesisRun(
            where="/graphql",
            document=graph(tmp_path),
            caller=caller,
            examples=MANY_EXAMPLES,
            timeout=900,
            excluded=OF_REQUESTS,
        ),
    )
