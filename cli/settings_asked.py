"""What those whom the settings name say of themselves: the hub's database, Redis, issuers, agencies, clocks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from collections.abc import Set as AbstractSet

from auth.issuer_keys import IssuerKeys, KeyState
from cache.redis_standing import FITTING, RedisSilent, RedisStanding, redis_standing
from cli.agency_checks import agency_checks
from cli.findings import NOT_SHOWN, Finding, Level
from connectors.issuer_documents import IssuerDocuments
from settings import Settings
from store.database import database
from store.standing import OLDEST, Standing, standing
from store.unavailable import StateUnavailable
from wiring.callers import patience
from workers.generation import usual_workers

_CONNECTIONS = 28
"""Of each worker to the database, at most, while a reload puts one generation in the place of another."""
_CLOCK_WARNS, _CLOCK_FAILS = 2.0, 30.0
"""Seconds by which clocks may differ: tokens, webhooks and days of quotas go by them."""


async def asked(settings: Settings, aside: AbstractSet[str] = frozenset()) -> AsyncIterator[Finding]:
    """Ask each of them one question, but those whose settings were set aside; yields what is to be said."""
    if "SIMPUL_STATE_URL" not in aside:
        async for finding in _database(settings):
            yield finding
    async for finding in _redis(settings):
        yield finding
    async for finding in _issuers(settings):
        yield finding
    async for agency, protocol, outcome, seconds in agency_checks(settings):
        if any(name.startswith(f"SIMPUL_{agency.upper()}_") for name in aside):
            continue
        good = outcome == "ok"
        says = f"answers in {seconds:.3f} s" if good else f"{outcome}: the hub serves without it, and says so"
        yield Finding(level=Level.GOOD if good else Level.WARNING, name=agency, value=protocol, says=says)


async def _database(settings: Settings) -> AsyncIterator[Finding]:
    engine = database(settings.state_url.get_secret_value())
    try:
        how = await standing(engine)
    except StateUnavailable as failure:
        yield Finding(
            level=Level.PROBLEM,
            name="SIMPUL_STATE_URL",
            value=NOT_SHOWN,
            says=f"the database does not answer ({failure}), and the hub does not start without it",
        )
        return
    finally:
        await engine.dispose()
    found = list(_of_database(how, settings))
    for level, says in found:
        yield Finding(level=level, name="PostgreSQL", value=str(how.version), says=says)
    if not any(level is Level.PROBLEM for level, _ in found):
        waits = f"commits wait for {how.standbys}" if how.standbys else "commits wait for no other machine"
        form = f"form {how.revision}, " if how.revision else ""
        yield Finding(level=Level.GOOD, name="PostgreSQL", value=str(how.version), says=f"{form}{waits}")
    for finding in _clock("PostgreSQL", how.clock):
        yield finding


def _of_database(how: Standing, settings: Settings) -> Iterator[tuple[Level, str]]:
    form = how.revision
    judged = (
        (Level.PROBLEM, how.version < OLDEST, f"its makers no longer mend it: use {OLDEST} or newer"),
        (Level.PROBLEM, how.encoding != "UTF8", f"its encoding is {how.encoding}: make the database with UTF8"),
        (Level.PROBLEM, how.in_recovery, "it is in recovery and cannot be written: name the primary, or wait for it"),
        (Level.PROBLEM, not how.may_migrate, "the hub's role may not make tables, or does not own those there are"),
        (Level.PROBLEM, not how.safe_on_disk, "fsync or full_page_writes is off: a power cut may take answers. Set on"),
        (
            Level.WARNING,
            how.synchronous_commit in ("off", "local"),
            f"synchronous_commit is {how.synchronous_commit}: what people changed may be lost. Set it to on",
        ),
        (
            Level.WARNING,
            not how.standbys and not settings.development,
            "commits wait for no other machine: what was answered is lost with this one (backup.md)",
        ),
        (
            Level.WARNING,
            how.connections < _CONNECTIONS * (settings.workers or usual_workers()),
            f"max_connections is {how.connections}: each worker may take {_CONNECTIONS} while it is reloaded",
        ),
        (
            Level.WARNING,
            not how.encrypted and not how.here,
            "the connection is not encrypted: write sslmode=verify-full",
        ),
        (Level.WARNING, form is None, "it is empty: the first start makes its tables. Is it the right one?"),
        (Level.WARNING, not how.known_revision, f"its form {form} is of a newer hub than this one"),
        (
            Level.WARNING,
            form is not None and how.known_revision and form != how.newest_revision,
            f"the next start brings its form from {form} to {how.newest_revision}",
        ),
    )
    yield from ((level, says) for level, so, says in judged if so)


async def _redis(settings: Settings) -> AsyncIterator[Finding]:
    if settings.redis_address is None:
        return
    try:
        how = await redis_standing(settings.redis_address)
    except RedisSilent as silence:
        says = f"it does not answer ({silence}): each process counts and keeps alone"
        yield Finding(level=Level.WARNING, name="SIMPUL_REDIS_URL", value=NOT_SHOWN, says=says)
        return
    found = list(_of_redis(how))
    for level, says in found:
        yield Finding(level=level, name="Redis", value=how.version, says=says)
    if not found:
        yield Finding(level=Level.GOOD, name="Redis", value=how.version, says=f"answers, {how.policy}")
    for finding in _clock("Redis", how.clock):
        yield finding


def _of_redis(how: RedisStanding) -> Iterator[tuple[Level, str]]:
    if how.cluster:
        yield Level.PROBLEM, "it is a cluster, which is not supported: name a single server"
    if how.policy is not None and how.policy not in FITTING:
        fitting = ", ".join(sorted(FITTING))
        yield Level.PROBLEM, f"maxmemory-policy is {how.policy}, so old answers can come back: set one of {fitting}"
    if not how.bounded:
        yield Level.WARNING, "maxmemory is 0: it grows until the machine has no more. Give it a bound"


async def _issuers(settings: Settings) -> AsyncIterator[Finding]:
    for each in settings.issuers:
        if each.keys is not None:
            continue
        keys = IssuerKeys(each, IssuerDocuments(each.name, patience=patience(settings)))
        try:
            await keys.learn()
        finally:
            await keys.close()
        good = keys.state is KeyState.FRESH
        says = "publishes its keys" if good else f"its keys cannot be read ({keys.reason}): its people cannot sign in"
        yield Finding(level=Level.GOOD if good else Level.WARNING, name=f"issuer {each.name}", says=says)


def _clock(whose: str, ahead: float) -> Iterator[Finding]:
    if abs(ahead) >= _CLOCK_WARNS:
        level = Level.PROBLEM if abs(ahead) >= _CLOCK_FAILS else Level.WARNING
        says = f"{whose}'s clock is {ahead:+.1f} s from this machine's: let both follow NTP"
        yield Finding(level=level, name="clock", says=says)
