"""Sessions of the hub's own pages, for all processes; and the stand-in of other tests, which behaves the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.oidc.page_session import SessionStore
from store.database import create_database_engine
from store.database_timeout import StateUnavailable
from store.page_sessions import PageSessionTable
from store.tables import page_sessions
from tests.fakes.in_memory_sessions import InMemorySessions
from tests.store.retention.aging import purge

IDLE = 900.0


@dataclass(frozen=True)
class SessionStoreUnderTest:
    """Sessions, and a way to let time pass."""

    sessions: SessionStore
    pass_time: Callable[[float], Awaitable[None]]


@pytest.fixture(params=["table", "stand-in"])
async def kept(request: pytest.FixtureRequest, migrated: AsyncEngine) -> AsyncIterator[SessionStoreUnderTest]:
    if request.param == "stand-in":
        now = [0.0]

        async def later(seconds: float) -> None:
            now[0] += seconds

        yield SessionStoreUnderTest(InMemorySessions(idle=IDLE, clock=lambda: now[0]), later)
        return

    async def aged(seconds: float) -> None:
        moved = ", ".join(
            f"{each} = {each} - {seconds} * interval '1 second'" for each in ("started_at", "used_at", "ends_at")
        )
        async with migrated.begin() as connection:
            await connection.execute(text(f"UPDATE page_sessions SET {moved}"))  # noqa: S608 - constants

    yield SessionStoreUnderTest(PageSessionTable(migrated, idle=IDLE, timeout=30), aged)


async def test_a_session_is_valid_until_it_is_ended_and_returns_its_hint(kept: SessionStoreUnderTest) -> None:
    await kept.sessions.begin("one", lifetime=3600, hint=b"sealed")
    await kept.sessions.begin("two", lifetime=3600)
    assert [await kept.sessions.use(each) for each in ("one", "one", "two", "three", "")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert await kept.sessions.end("one") == b"sealed"
    assert await kept.sessions.end("one") is None
    assert [await kept.sessions.use(each) for each in ("one", "two")] == [False, True]
    assert await kept.sessions.end("two") is None


ANA, BUDI = b"A" * 32, b"B" * 32
FIRST, SECOND = b"1" * 32, b"2" * 32


@pytest.mark.parametrize(
    ("person", "sign_in", "valid"),
    [
        (ANA, None, ["budi"]),
        (ANA, FIRST, ["ana-2", "budi"]),
        (None, FIRST, ["ana", "ana-2"]),
        (None, None, ["ana", "ana-1", "ana-2", "budi"]),
        (BUDI, SECOND, ["ana", "ana-1", "ana-2", "budi"]),
    ],
)
async def test_the_issuer_ends_the_sessions_of_a_sign_in_or_of_a_person(
    kept: SessionStoreUnderTest, person: bytes | None, sign_in: bytes | None, valid: list[str]
) -> None:
    names = {"ana": (ANA, None), "ana-1": (ANA, FIRST), "ana-2": (ANA, SECOND), "budi": (BUDI, FIRST)}
    for name, (of_person, of_sign_in) in names.items():
        await kept.sessions.begin(name, lifetime=3600, person=of_person, sign_in=of_sign_in)
    assert await kept.sessions.end_all(person=person, sign_in=sign_in, age=0) == len(names) - len(valid)
    assert [each for each in names if await kept.sessions.use(each)] == valid


async def test_a_session_that_began_after_the_logout_goes_on(kept: SessionStoreUnderTest) -> None:
    await kept.sessions.begin("before", lifetime=3600, person=ANA)
    await kept.pass_time(60)
    await kept.sessions.begin("after", lifetime=3600, person=ANA)
    assert await kept.sessions.end_all(person=ANA, sign_in=None, age=30) == 1
    assert [await kept.sessions.use(each) for each in ("before", "after")] == [False, True]


async def test_an_idle_session_ends(kept: SessionStoreUnderTest) -> None:
    await kept.sessions.begin("one", lifetime=36_000)
    for _ in range(3):
        await kept.pass_time(IDLE - 60)
        assert await kept.sessions.use("one")
    await kept.pass_time(IDLE)
    assert not await kept.sessions.use("one")
    assert not await kept.sessions.use("one")  # a failed use does not count


async def test_a_session_ends_at_its_end_even_if_it_is_in_use(kept: SessionStoreUnderTest) -> None:
    await kept.sessions.begin("one", lifetime=IDLE)
    await kept.pass_time(IDLE / 2)
    assert await kept.sessions.use("one")
    await kept.pass_time(IDLE / 2)
    assert not await kept.sessions.use("one")


async def test_an_ended_session_is_invalid_on_every_hub_and_after_a_restart(
    migrated: AsyncEngine, state_url: str
) -> None:
    here = PageSessionTable(migrated, idle=IDLE, timeout=30)
    other = create_database_engine(state_url)
    try:
        there = PageSessionTable(other, idle=IDLE, timeout=30)
        await here.begin("one", lifetime=3600)
        assert await there.use("one")
        await here.end("one")
        assert not await there.use("one")
        assert not await PageSessionTable(migrated, idle=IDLE, timeout=30).use("one")
    finally:
        await other.dispose()


async def test_a_concurrent_use_does_not_keep_an_ended_session(migrated: AsyncEngine, state_url: str) -> None:
    """The use waits for the row that the sign-out holds, and finds it deleted."""
    sessions = PageSessionTable(migrated, idle=IDLE, timeout=30)
    await sessions.begin("one", lifetime=3600)
    other = create_database_engine(state_url)
    try:
        async with other.begin() as connection:
            await connection.execute(page_sessions.delete())
            using = asyncio.create_task(sessions.use("one"))
            waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            while not (await connection.execute(waits)).scalar_one():  # noqa: ASYNC110 - the server sets no event
                await asyncio.sleep(0)
        assert await using is False
    finally:
        await other.dispose()


async def test_the_table_holds_no_id_of_a_cookie(migrated: AsyncEngine) -> None:
    await PageSessionTable(migrated, idle=IDLE, timeout=30).begin("a-secret-id", lifetime=60)
    async with migrated.connect() as connection:
        [row] = (await connection.execute(select(page_sessions))).all()
    assert b"a-secret-id" not in row.id
    assert len(row.id) == 32


async def test_session_rows_are_purged_a_day_after_their_end(migrated: AsyncEngine) -> None:
    sessions = PageSessionTable(migrated, idle=IDLE, timeout=30)
    await sessions.begin("over", lifetime=-86_500)
    await sessions.begin("over since today", lifetime=-3600)
    await sessions.begin("goes on", lifetime=3600)
    assert (await purge(migrated))["sessions"].removed == "rows=1"
    async with migrated.connect() as connection:
        assert len((await connection.execute(select(page_sessions.c.id))).all()) == 2


async def test_without_the_database_no_session_is_valid() -> None:
    engine = create_database_engine("postgresql://nobody@127.0.0.1:9/none")
    sessions = PageSessionTable(engine, idle=IDLE, timeout=5)
    try:
        for each in (sessions.use("one"), sessions.end("one"), sessions.begin("one", lifetime=1)):
            with pytest.raises(StateUnavailable):
                await each
    finally:
        await engine.dispose()
