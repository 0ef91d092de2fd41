"""The hub's own database over TLS: the documented address connects, and nothing else does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from records.database_tls import TlsMode
from store.database import create_database_engine, get_tls_mode, migrate
from store.database_status import read_database_status
from store.ledger.access_ledger import AccessLedger
from tests.fakes.tls_terminator import Authority, run_tls_terminator
from tests.sandbox_agencies import HOST, ROOT
from tests.store.ledger.sample_entry import ENTRY, SECRET, load_entries


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("other-authority"))


@pytest.fixture(autouse=True)
def no_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment under systemd: the user has no home folder, and libpq's variables must not matter."""
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setenv("PGSSLMODE", "disable")
    monkeypatch.setenv("PGSSLROOTCERT", "/none.pem")
    return iter(())


def documented(state_url: str, port: int, authority: Path) -> str:
    """The line of the installing page, with this server."""
    page = (ROOT / "docs" / "operators" / "installing.md").read_text(encoding="utf-8")
    [line] = re.findall(r"^SIMPUL_STATE_URL=(.*)$", page, re.MULTILINE)
    query = str(line).partition("?")[2].replace("/etc/simpul/database-ca.pem", str(authority))
    assert str(authority) in query
    here = make_url(state_url)
    return f"postgresql://{here.username}:{here.password}@{HOST}:{port}/{here.database}?{query}"


async def answers(engine: AsyncEngine) -> object:
    try:
        async with engine.connect() as connection:
            return (await connection.execute(text("SELECT current_database()"))).scalar()
    finally:
        await engine.dispose()


async def test_the_documented_address_uses_verified_tls_for_migrations_and_the_ledger(
    state_url: str, empty: AsyncEngine, authority: Authority
) -> None:
    port = empty.url.port or 0
    async with run_tls_terminator(port, authority.issue(HOST)) as end:
        url = documented(state_url, end.port, authority.file)
        engine = create_database_engine(url)
        await migrate(engine)
        ledger = AccessLedger(engine, SECRET, timeout=5)
        await ledger.start()
        await ledger.write([ENTRY])
        await ledger.close()
        assert [each.entry for each in await load_entries(engine)] == [ENTRY]
        assert (await read_database_status(engine)).revision is not None
        await engine.dispose()
    assert end.encrypted > 0
    assert end.plain == []
    assert get_tls_mode(url) is TlsMode.VERIFY_FULL


@pytest.mark.parametrize(
    ("shown", "mode", "connects"),
    [
        ("right", "verify-full", True),
        ("of another name", "verify-full", False),
        ("of another name", "verify-ca", True),
        ("of another authority", "verify-full", False),
        ("of another authority", "verify-ca", False),
        ("of another authority", "require", True),
        ("none", "require", False),
        ("none", "verify-full", False),
    ],
)
async def test_an_invalid_certificate_is_refused_and_nothing_is_sent_in_plain_text(
    state_url: str, authority: Authority, other_authority: Authority, shown: str, mode: str, *, connects: bool
) -> None:
    pair = {
        "right": authority.issue(HOST),
        "of another name": authority.issue("db.example"),
        "of another authority": other_authority.issue(HOST),
        "none": None,
    }[shown]
    trust = "" if mode == "require" else f"&sslrootcert={authority.file}"
    async with run_tls_terminator(make_url(state_url).port or 0, pair) as end:
        url = re.sub(r":\d+/", f":{end.port}/", state_url) + f"?sslmode={mode}{trust}"
        if connects:
            assert await answers(create_database_engine(url)) == "simpul"
        else:
            with pytest.raises(OSError):  # noqa: PT011 - the kind is what matters; texts differ by Python
                await answers(create_database_engine(url))
    assert end.encrypted > 0
    assert end.plain == []


async def test_a_server_that_requires_a_client_certificate_gets_it(state_url: str, authority: Authority) -> None:
    hub = authority.issue("hub.example")
    shows = authority.issue(HOST)
    async with run_tls_terminator(make_url(state_url).port or 0, shows, client_authority=authority) as end:
        url = re.sub(r":\d+/", f":{end.port}/", state_url) + f"?sslrootcert={authority.file}"
        assert await answers(create_database_engine(f"{url}&sslcert={hub.certificate}&sslkey={hub.key}")) == "simpul"
        with pytest.raises(Exception, match=r"(?i)certificate|connection|ssl"):
            await answers(create_database_engine(url))


def test_an_unsupported_parameter_error_names_the_setting() -> None:
    with pytest.raises(ValueError, match=r"^SIMPUL_STATE_URL, the address of the hub's database: ssl is not supported"):
        create_database_engine("postgresql://simpul:geheim@db.example/simpul?ssl=verify-full")
