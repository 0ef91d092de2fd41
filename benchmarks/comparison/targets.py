"""The targets: Simpul, its peers, and handwritten code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.comparison.questions import Q1, Q2, Q3, Q4, QUESTIONS, BenchmarkQuestion
from benchmarks.layout import HOST, NPM, ROOT
from sandbox.programs import find_program

TAILCALL = NPM / "node_modules" / "@tailcallhq" / "core-linux-x64-gnu" / "bin" / "tailcall"
GRAFBASE = NPM / "node_modules" / "@grafbase" / "cli-x86_64-unknown-linux-musl" / "grafbase"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetOptions:
    """The options with which a target starts."""

    port: int
    upstream: str
    subgraphs: str
    """The same data as GraphQL, for peers that call nothing else."""
    keys: Path
    folder: Path
    """For the target's own files."""
    deadline: float | None = None
    """Seconds for one upstream call; None: the target's default."""

    @property
    def node_environment(self) -> Mapping[str, str]:
        """The environment of a program on Node."""
        deadline = {} if self.deadline is None else {"BENCH_DEADLINE_MS": f"{self.deadline * 1000:.0f}"}
        return {"NODE_ENV": "production"} | deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """The command that starts a target."""

    arguments: Sequence[str]
    folder: Path = ROOT
    environment: Mapping[str, str] = field(default_factory=lambda: {"PYTHONPATH": str(ROOT)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A program that answers the questions."""

    name: str
    command: Callable[[TargetOptions], Invocation]
    missing: Callable[[], str | None] = lambda: None
    """The reason why it cannot start, if any."""
    questions: Sequence[BenchmarkQuestion] = QUESTIONS
    shares_runs: bool = False
    """Whether concurrent requests share calls or answers."""
    checks_owner: bool = True
    """Whether it compares the token's owner with the requested id."""
    verifies_tokens: bool = True
    """Whether it verifies a token in Q4."""
    allows_anonymous: bool = False
    """Whether it answers Q4 without a token; it still verifies a token that is sent."""
    path: str = "/graphql"
    package: str = ""
    """The package with the target's version: `npm:...`, `pypi:...` or `here:` (this project)."""


def _python(module: str, *more: str) -> Callable[[TargetOptions], Invocation]:
    def command(place: TargetOptions) -> Invocation:
        words = [sys.executable, "-P", "-m", f"benchmarks.gateways.{module}", str(place.port), place.upstream]
        deadline = () if place.deadline is None else ("--deadline", str(place.deadline))
        return Invocation(arguments=[*words, str(place.keys), *more, *deadline])

    return command


def _node(script: str) -> Callable[[TargetOptions], Invocation]:
    def command(place: TargetOptions) -> Invocation:
        words = [str(find_program("node")), script, str(place.port), place.upstream, str(place.keys)]
        return Invocation(arguments=words, folder=NPM, environment=place.node_environment)

    return command


def _hive(place: TargetOptions) -> Invocation:
    supergraph = place.folder / "supergraph.graphql"
    supergraph.write_text((NPM / "hive" / "supergraph.graphql").read_text().replace("UPSTREAM", place.upstream))
    gateway = str(NPM / "node_modules" / "@graphql-hive" / "gateway" / "dist" / "bin.js")
    environment = {
        **place.node_environment,
        "BENCH_PORT": str(place.port),
        "BENCH_KEYS": str(place.keys),
        "BENCH_SUPERGRAPH": str(supergraph),
    }
    words = [str(find_program("node")), gateway, "supergraph", "--config-path", "hive/gateway.config.mjs"]
    return Invocation(arguments=words, folder=NPM, environment=environment)


def _tailcall(dedupe: str) -> Callable[[TargetOptions], Invocation]:
    def command(place: TargetOptions) -> Invocation:
        text = (NPM / "tailcall.graphql").read_text()
        for name, value in {
            "PORT": str(place.port),
            "UPSTREAM": place.upstream,
            "KEYS": str(place.keys),
            "DEDUPE": dedupe,
        }.items():
            text = text.replace(name, value)
        configuration = place.folder / f"tailcall{len(dedupe)}.graphql"
        configuration.write_text(text)
        environment = {"TAILCALL_LOG_LEVEL": "error", "TAILCALL_TRACKER": "false", "TC_TRACKER": "false"}
        return Invocation(arguments=[str(TAILCALL), "start", str(configuration)], environment=environment)

    return command


def _grafbase(place: TargetOptions) -> Invocation:
    schemas = NPM / "grafbase"
    text = (schemas / "grafbase.toml").read_text()
    GRAFBASE.chmod(0o755)  # npm installs it without the permission to run
    configuration = place.folder / "grafbase.toml"
    configuration.write_text(text.replace("SUBGRAPHS", place.subgraphs).replace("SCHEMAS", str(schemas)))
    listen = ("--config", str(configuration), "--listen-address", f"{HOST}:{place.port}")
    words = [str(GRAFBASE), "--home", str(place.folder), "dev", *listen]
    return Invocation(arguments=words, environment={"NO_COLOR": "1", "TOKIO_WORKER_THREADS": "1"})


def _needs_node(package: str) -> Callable[[], str | None]:
    def missing() -> str | None:
        if find_program("node") is None:
            return "node is not installed"
        return None if (NPM / "node_modules" / package).is_dir() else f"npm did not install {package}"

    return missing


def _needs_binary(name: str, file: Path) -> Callable[[], str | None]:
    def missing() -> str | None:
        return None if file.is_file() else f"npm has no {name} binary for this machine"

    return missing


SIMPUL = Target(name="Simpul", command=_python("simpul"), package="here:")
SIMPUL_COALESCING = Target(
    name="Simpul, coalescing", command=_python("simpul", "--coalescing"), shares_runs=True, package="here:"
)
SIMPUL_WARM = Target(
    name="Simpul, warm",
    command=_python("simpul", "--cached"),
    questions=(Q2, Q3),  # personal data is not cached there
    shares_runs=True,
    package="here:",
)
SIMPUL_WARM_COALESCING = Target(
    name="Simpul, coalescing, warm",
    command=_python("simpul", "--cached", "--coalescing"),
    questions=(Q2, Q3),
    shares_runs=True,
    package="here:",
)
SIMPUL_VERIFYING = Target(
    name="Simpul, every token verified",
    command=_python("simpul", "--coalescing", "--verifying"),
    questions=(Q4,),
    package="here:",
)
STRAWBERRY = Target(
    name="Strawberry + aiodataloader",
    command=_python("plain_strawberry"),
    path="/graphql/",
    package="pypi:strawberry-graphql",
)
HIVE = Target(
    name="Hive Gateway with JIT",
    command=_hive,
    missing=_needs_node("@graphql-hive/gateway"),
    checks_owner=False,
    allows_anonymous=True,
    package="npm:@graphql-hive/gateway",
)
APOLLO = Target(
    name="Apollo Server + dataloader",
    command=_node("apollo.mjs"),
    missing=_needs_node("@apollo/server"),
    path="/",
    package="npm:@apollo/server",
)
MERCURIUS = Target(
    name="Mercurius + JIT + dataloader",
    command=_node("mercurius.mjs"),
    missing=_needs_node("mercurius"),
    package="npm:mercurius",
)
GRAFAST = Target(
    name="Grafast + grafserv",
    command=_node("grafast.mjs"),
    missing=_needs_node("grafserv"),
    package="npm:grafserv",
)
GRAFBASE_FEDERATED = Target(
    name="Grafbase over subgraphs",
    command=_grafbase,
    missing=_needs_binary("Grafbase", GRAFBASE),
    questions=(Q2, Q3, Q4),  # every field comes from a subgraph: Q1 has none
    checks_owner=False,
    verifies_tokens=False,
    package="npm:@grafbase/cli-x86_64-unknown-linux-musl",
)
TAILCALL_BATCHING = Target(
    name="Tailcall with batching",
    command=_tailcall(""),
    missing=_needs_binary("Tailcall", TAILCALL),
    shares_runs=True,  # its batches wait a millisecond and include keys of other requests
    checks_owner=False,
    package="npm:@tailcallhq/core-linux-x64-gnu",
)
TAILCALL_DEDUPE = Target(
    name="Tailcall with dedupe",
    command=_tailcall(", dedupe: true"),
    missing=_needs_binary("Tailcall", TAILCALL),
    shares_runs=True,
    checks_owner=False,
    package="npm:@tailcallhq/core-linux-x64-gnu",
)
HANDWRITTEN = Target(name="handwritten Python", command=_python("handwritten"))
HANDWRITTEN_SHARED = Target(
    name="handwritten Python with replies shared",
    command=_python("handwritten", "--shared"),
    questions=(Q1, Q2, Q3),  # Q4 has nothing to share: equal to the target above
    shares_runs=True,
)
RAW = Target(
    name="raw uvicorn with constant bytes",
    command=_python("raw"),
    questions=(Q1, Q2, Q3),  # personal answers are not constant
    shares_runs=True,
    package="pypi:uvicorn",
)

COMPARED_WITH_FAULTS = (SIMPUL_COALESCING, HIVE, MERCURIUS, APOLLO)
"""The targets that are compared while an agency fails."""

COMPARED_WITH_WARM = (SIMPUL, SIMPUL_COALESCING, SIMPUL_WARM, SIMPUL_WARM_COALESCING, RAW)
"""The targets for cached answers: cold, warm, and the ceiling."""

TARGETS = (
    SIMPUL,
    SIMPUL_COALESCING,
    SIMPUL_WARM,
    SIMPUL_WARM_COALESCING,
    SIMPUL_VERIFYING,
    STRAWBERRY,
    HIVE,
    APOLLO,
    TAILCALL_BATCHING,
    MERCURIUS,
    GRAFAST,
    GRAFBASE_FEDERATED,
    HANDWRITTEN,
    TAILCALL_DEDUPE,
    HANDWRITTEN_SHARED,
    RAW,
)


def build_url(target: Target, port: int) -> str:
    """The address of a running target."""
    return f"http://{HOST}:{port}{target.path}"
