"""A cache that everybody shares, in front of a hub: nginx, set up as its manual says and trusting what the hub says."""

from __future__ import annotations

import asyncio
import struct
import subprocess
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.sandbox_agencies import HOST, free_port

_CONFIGURATION = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  proxy_cache_path {folder}/kept keys_zone=kept:1m use_temp_path=off;
  server {{
    listen {host}:{port};
    location / {{
      proxy_pass http://{host}:{behind};
      proxy_http_version 1.1;
      proxy_set_header Host {host};
      proxy_cache kept;
      proxy_cache_key $request_uri;
      proxy_cache_revalidate on;
      add_header X-Cache $upstream_cache_status;
    }}
  }}
}}
"""
_VALID_UNTIL = struct.Struct("@QqqqqI")
"""The beginning of what nginx keeps (`ngx_http_file_cache_header_t`): version, valid until, ..."""


@dataclass(frozen=True, slots=True)
class CachedResponse:
    """What came through the cache."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def by(self) -> str:
        """Where it came from: `HIT`, `MISS`, `STALE`, `REVALIDATED`, ..."""
        return self.headers.get("x-cache", "")


@dataclass(frozen=True, slots=True)
class NginxCache:
    """A running one."""

    url: str
    folder: Path
    session: aiohttp.ClientSession

    async def get(self, query: str, headers: Mapping[str, str] | None = None) -> CachedResponse:
        """Ask the graph by GET."""
        sent = {"GraphQL-Require-Preflight": "true", **(headers or {})}
        async with self.session.get(f"{self.url}/graphql", params={"query": query}, headers=sent) as response:
            body = await response.json(content_type=None) if response.status != 304 else None
            return CachedResponse(
                response.status, body, {name.lower(): value for name, value in response.headers.items()}
            )

    def seconds_left(self) -> list[float]:
        """How long each of the answers that are kept will be handed out."""
        files = [each for each in (self.folder / "kept").rglob("*") if each.is_file()]
        return [_VALID_UNTIL.unpack_from(each.read_bytes())[1] - time.time() for each in files]


@asynccontextmanager
async def run_nginx_cache(nginx: Path, folder: Path, behind: int) -> AsyncIterator[NginxCache]:
    """A cache in front of the hub on this port, for the length of the block."""
    folder.mkdir()  # noqa: ASYNC240 - on this machine, fast
    port = free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder, host=HOST, port=port, behind=behind))
    process = subprocess.Popen(  # noqa: ASYNC220, S603 - starts immediately; our own configuration
        [nginx, "-p", str(folder), "-c", str(configuration), "-g", "user root;" if Path.home() == Path("/root") else ""]
    )
    try:
        async with asyncio.timeout(10), aiohttp.ClientSession() as session:
            await _listening(port)
            yield NginxCache(f"http://{HOST}:{port}", folder, session)
    finally:
        process.terminate()
        process.wait(10)


async def _listening(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return
