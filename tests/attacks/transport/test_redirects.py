"""No response redirects to another scheme or host, for any path: over raw connections, as from a proxy."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from tests.fakes.issuers.loopback_sign_in import SignInWorld, run_sign_in_world

HOST = "hub.simpul.example"
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")
EVIL = "evil.example"


@pytest.fixture(scope="module")
async def place() -> AsyncIterator[SignInWorld]:
    async with run_sign_in_world(
        public_url=f"https://{HOST}",
        graphiql="on",
        metrics_token=SecretStr(b64encode(b"m" * 32).decode()),
        data_tracker_client="loopback/portal",
        development=True,
    ) as opened:
        yield opened


def variants(path: str) -> list[str]:
    """Paths that resemble an address."""
    path = path.replace("{id}", "x").replace("{", "").replace("}", "").replace(":path", "")
    bare = path.rstrip("/")
    return [
        path, f"{bare}/", f"{bare}//", f"/{path}", f"//{EVIL}{path}", f"//{EVIL}/..{path}", f"/%2f{EVIL}{bare}",
        f"/%2f{path}", f"{bare}%2f", f"{bare}/%2e%2e/", f"{bare}/.", f"/\\{EVIL}{path}", f"{bare}\\",
        f"{bare}/?x={EVIL}", f"{bare}/;x", f"{path}?next=//{EVIL}/&return_to=https://{EVIL}&lang=//{EVIL}",
        f"{bare}/%0d%0aLocation:%20//{EVIL}", f"http://{HOST}{path}", f"http://{HOST}{bare}/",
        f"https://{HOST}{bare}/", f"http://{HOST}//{EVIL}/", f"http:/{path}",
    ]  # fmt: skip


async def find_locations(place: SignInWorld, *requests: tuple[str, str]) -> list[tuple[str, int, str]]:
    """For each request by method and target: the request, the status, and the redirect."""
    address = urlsplit(place.hub.url)
    found = []
    for method, target in requests:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(
            f"{method} {target} HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: {EVIL}\r\n"
            "Content-Type: application/json\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}".encode()
        )
        head = (await asyncio.wait_for(reader.read(), 5)).partition(b"\r\n\r\n")[0].decode("latin-1")
        writer.close()
        lines = [line.partition(":") for line in head.split("\r\n")[1:]]
        found += [
            (f"{method} {target}", int(head.split()[1]), next((v for n, _, v in lines if n.lower() == "location"), ""))
        ]
    return found


async def test_no_path_redirects_to_another_scheme_or_host(place: SignInWorld) -> None:
    assert {"/graphql", "/consents", "/metrics", "/"} <= set(place.hub.paths)
    wrong, seen = [], set()
    for path in sorted(place.hub.paths):
        for asked, status, location in await find_locations(
            place, *((method, target) for target in variants(path) for method in ("GET", "POST"))
        ):
            leads = location.strip()
            seen.add(status)
            issuer = leads.startswith("http://127.0.0.1:") and "/authorize?" in leads  # the address of the sign-in
            if leads and not issuer and (not leads.startswith("/") or leads.startswith(("//", "/\\"))):
                wrong.append((asked, status, leads))
            if status in {301, 302, 307, 308} and leads != "/graphiql":
                wrong.append((asked, status, leads))
    assert wrong == []
    assert 404 in seen


@pytest.mark.parametrize("path", ["/graphql/", "/consents/", "/me/export/", "/v2/findUsage/", "/metrics/", "/status/"])
async def test_a_path_with_an_extra_slash_is_not_found_by_any_method(place: SignInWorld, path: str) -> None:
    found = await find_locations(place, *((method, path) for method in METHODS))
    assert [(status, location) for _, status, location in found] == [(404, "")] * len(METHODS)
