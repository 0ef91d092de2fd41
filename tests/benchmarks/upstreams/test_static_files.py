"""The upstream's faults: one agency fails, the others go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from benchmarks.layout import HOST
from benchmarks.upstreams.static_files import FAULTS, StaticFiles
from tests.benchmarks.upstreams.running import run_memory_server, send_bytes


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    for kind in ("accounts", "orders"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "1").write_bytes(b'{"id":1}')
    async with run_memory_server(StaticFiles(tmp_path).answer) as number:
        yield number


async def read(port: int, path: str) -> bytes:
    return await send_bytes(port, f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_disturbs_one_agency_until_it_ends(port: int, fault: str) -> None:
    await read(port, f"/fault/{fault.replace(' ', '-')}")
    assert (await read(port, "/accounts/1")).endswith(b'{"id":1}')
    if fault != "hang":
        try:
            disturbed = await read(port, "/orders/1")
        except ConnectionResetError:
            disturbed = b"reset"
        expected = {
            "reset": b"reset",
            "truncated": b"HTTP/1.1 200 OK",
            "status 500": b"HTTP/1.1 500",
            "slow": b'{"id":1}',
        }
        assert expected[fault] in disturbed
        assert (b'{"id":1}' in disturbed) == (fault == "slow")
    await read(port, "/fault/none")
    assert (await read(port, "/orders/1")).endswith(b'{"id":1}')


async def test_a_hanging_connection_is_closed_when_the_fault_ends(port: int) -> None:
    await read(port, "/fault/hang")
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(b"GET /orders/1 HTTP/1.1\r\n\r\nGET /accounts/2 HTTP/1.1\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 404 ")  # of the second request
    await read(port, "/fault/none")
    assert b"HTTP/1.1" not in await reader.read()
    writer.close()


async def test_an_unknown_path_is_not_found(port: int) -> None:
    assert (
        await send_bytes(
            port, b"GET /orders/2 HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /accounts/1 HTTP/1.1\r\n\r\n", replies=2
        )
    ).startswith(b"HTTP/1.1 404 ")
