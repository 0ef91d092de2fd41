"""Checks the services in the settings: the hub's database, Redis, issuers, agencies, clocks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from collections.abc import Set as AbstractSet

from auth.tokens.issuer_keys import IssuerKeys, KeyState
from cache.redis_status import SAFE_EVICTION_POLICIES, RedisStatus, RedisUnreachable, read_redis_status
from cli.agencies.checks import check_agencies
from cli.settings_check.findings import NOT_SHOWN, Finding, FindingLevel, describe_city_problem
from connectors.issuer_http import IssuerDocuments
from schema.builder import build_schema, get_graphql_schema
from schema.tools.operation_changes import find_lost_fields
from settings import Settings
from store.database import create_database_engine
from store.database_status import MIN_POSTGRESQL_VERSION, DatabaseStatus, read_database_status
from store.database_timeout import StateUnavailable, database_timeout
from store.operations.operation_registry import OperationRegistry
from wiring.agencies import list_agency_codes
from wiring.statement_checks import explain_agencies
from wiring.token_issuers import get_document_timeout
from workers.worker_pool import get_default_workers

_CONNECTIONS_PER_WORKER = 28
"""Maximum database connections per worker during a reload, when two generations run."""
_DATABASE_TIMEOUT = 5.0
_CLOCK_WARNING_S, _CLOCK_PROBLEM_S = 2.0, 30.0
"""Clock offsets in seconds: tokens, webhooks and daily quotas depend on the clocks."""


async def check_connections(settings: Settings, ignored: AbstractSet[str] = frozenset()) -> AsyncIterator[Finding]:
    """Check each service with one request, except services whose settings are invalid; yields the findings."""
    if "SIMPUL_STATE_URL" not in ignored:
        async for finding in _check_database(settings):
            yield finding
        for finding in await _check_operations(settings):
            yield finding
    async for finding in _check_redis(settings):
        yield finding
    async for finding in _check_issuers(settings):
        yield finding
    async for agency, protocol, outcome, seconds in check_agencies(settings):
        is_ok = outcome == "ok"
        message = f"answers in {seconds:.3f} s" if is_ok else f"{outcome}: the hub serves without it, and says so"
        yield Finding(
            level=FindingLevel.GOOD if is_ok else FindingLevel.WARNING, name=agency, value=protocol, message=message
        )


async def check_statements(settings: Settings) -> AsyncIterator[Finding]:
    """Let the databases of agencies plan every declared statement; yields columns that are missing, and full scans."""
    async for checked in explain_agencies(settings):
        level = FindingLevel.PROBLEM if checked.is_error else FindingLevel.WARNING
        yield describe_city_problem(settings.city, checked.problem, level)


async def _check_database(settings: Settings) -> AsyncIterator[Finding]:
    engine = create_database_engine(settings.state_url.get_secret_value())
    try:
        status = await read_database_status(engine)
    except StateUnavailable as failure:
        yield Finding(
            level=FindingLevel.PROBLEM,
            name="SIMPUL_STATE_URL",
            value=NOT_SHOWN,
            message=f"the database does not answer ({failure}), and the hub does not start without it",
        )
        return
    finally:
        await engine.dispose()
    found = list(_judge_database(status, settings))
    for level, message in found:
        yield Finding(level=level, name="PostgreSQL", value=str(status.version), message=message)
    if not any(level is FindingLevel.PROBLEM for level, _ in found):
        replication = f"commits wait for {status.standbys}" if status.standbys else "commits wait for no standby"
        revision = f"schema {status.revision},  " if status.revision else ""
        yield Finding(
            level=FindingLevel.GOOD, name="PostgreSQL", value=str(status.version), message=f"{revision}{replication}"
        )
    for finding in _check_clock("PostgreSQL", status.clock_offset):
        yield finding


async def _check_operations(settings: Settings) -> Sequence[Finding]:
    """The registered operations that lose a field in the graph of these settings."""
    engine = create_database_engine(settings.state_url.get_secret_value())
    try:
        async with database_timeout(_DATABASE_TIMEOUT):
            published = await OperationRegistry(engine).list_published()
    except StateUnavailable:
        return ()  # reported as a finding about the database, or there is no table yet
    finally:
        await engine.dispose()
    schema = get_graphql_schema(build_schema(list_agency_codes(settings.city)))
    return [
        Finding(
            level=FindingLevel.WARNING,
            name=f"operation {each.name}",
            value=str(each.client),
            message=f"it loses a field in the graph of these settings: {faults[0]}",
        )
        for each in published
        if (faults := find_lost_fields(schema, each.text))
    ]


def _judge_database(status: DatabaseStatus, settings: Settings) -> Iterator[tuple[FindingLevel, str]]:
    revision = status.revision
    rules = (
        (
            FindingLevel.PROBLEM,
            status.version < MIN_POSTGRESQL_VERSION,
            f"it gets no more fixes from its makers: use {MIN_POSTGRESQL_VERSION} or newer",
        ),
        (
            FindingLevel.PROBLEM,
            status.encoding != "UTF8",
            f"its encoding is {status.encoding}: create the database with UTF8",
        ),
        (
            FindingLevel.PROBLEM,
            status.is_in_recovery,
            "it is in recovery and read-only:  name the primary, or wait for it",
        ),
        (
            FindingLevel.PROBLEM,
            not status.can_migrate,
            "the hub's role may not create tables, or does not own the existing ones",
        ),
        (
            FindingLevel.PROBLEM,
            not status.is_durable,
            "fsync or full_page_writes is off: a power cut may lose data. Set both to on",
        ),
        (
            FindingLevel.WARNING,
            status.synchronous_commit in ("off", "local"),
            f"synchronous_commit is {status.synchronous_commit}: committed changes may be lost. Set it to on",
        ),
        (
            FindingLevel.WARNING,
            not status.standbys and not settings.development,
            "commits wait for no standby: committed data is lost with this machine (backup.md)",
        ),
        (
            FindingLevel.WARNING,
            status.max_connections < _CONNECTIONS_PER_WORKER * (settings.workers or get_default_workers()),
            (
                f"max_connections is {status.max_connections}: each worker may take {_CONNECTIONS_PER_WORKER}"
                " while it is reloaded"
            ),
        ),
        (
            FindingLevel.WARNING,
            not status.is_encrypted and not status.is_local,
            "the connection is not encrypted: write sslmode=verify-full",
        ),
        (
            FindingLevel.WARNING,
            revision is None,
            "it is empty: the first start creates its tables. Is it the right one?",
        ),
        (FindingLevel.WARNING, not status.is_known_revision, f"its schema {revision} is of a newer hub than this one"),
        (
            FindingLevel.WARNING,
            revision is not None and status.is_known_revision and revision != status.newest_revision,
            f"the next start migrates its schema from {revision} to {status.newest_revision}",
        ),
    )
    yield from ((level, message) for level, applies, message in rules if applies)


async def _check_redis(settings: Settings) -> AsyncIterator[Finding]:
    if settings.redis is None:
        return
    try:
        status = await read_redis_status(settings.redis.url)
    except RedisUnreachable as silence:
        message = f"it does not answer ({silence}): each process counts and caches alone"
        yield Finding(level=FindingLevel.WARNING, name="SIMPUL_REDIS_URL", value=NOT_SHOWN, message=message)
        return
    found = list(_judge_redis(status))
    for level, message in found:
        yield Finding(level=level, name="Redis", value=status.version, message=message)
    if not found:
        yield Finding(
            level=FindingLevel.GOOD, name="Redis", value=status.version, message=f"answers, {status.eviction_policy}"
        )
    for finding in _check_clock("Redis", status.clock_offset):
        yield finding


def _judge_redis(status: RedisStatus) -> Iterator[tuple[FindingLevel, str]]:
    if status.is_cluster:
        yield FindingLevel.PROBLEM, "it is a cluster, which is not supported: name a single server"
    if status.eviction_policy is not None and status.eviction_policy not in SAFE_EVICTION_POLICIES:
        fitting = ", ".join(sorted(SAFE_EVICTION_POLICIES))
        yield (
            FindingLevel.PROBLEM,
            f"maxmemory-policy is {status.eviction_policy}, so invalidated answers can come back: set one of {fitting}",
        )
    if not status.has_memory_limit:
        yield FindingLevel.WARNING, "maxmemory is 0: it grows until the machine runs out of memory. Set a limit"


async def _check_issuers(settings: Settings) -> AsyncIterator[Finding]:
    for each in settings.issuers:
        if each.keys is not None:
            continue
        keys = IssuerKeys(each, IssuerDocuments(each.name, timeout=get_document_timeout(settings)))
        try:
            await keys.refresh()
        finally:
            await keys.close()
        is_ok = keys.state is KeyState.FRESH
        message = (
            "publishes its keys" if is_ok else f"its keys cannot be read ({keys.reason}): its people cannot sign in"
        )
        yield Finding(
            level=FindingLevel.GOOD if is_ok else FindingLevel.WARNING, name=f"issuer {each.name}", message=message
        )


def _check_clock(server: str, offset: float) -> Iterator[Finding]:
    if abs(offset) >= _CLOCK_WARNING_S:
        level = FindingLevel.PROBLEM if abs(offset) >= _CLOCK_PROBLEM_S else FindingLevel.WARNING
        message = f"{server}'s clock is {offset:+.1f} s from this machine's: let both follow NTP"
        yield Finding(level=level, name="clock", message=message)
