"""A request with 40 MB of photos needs their size in memory once, and the loop stays free while they arrive."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MEGABYTE = 1024 * 1024
MEASURE = """
import asyncio, json, pathlib, re
from web.graphql.multipart_request import read_multipart_request
from web.middleware.request_body import LimitedBody
from web.request_headers import RequestHeaders

PIECE = 64 * 1024
HEAD = b'--cut\\r\\nContent-Disposition: form-data; name="%b"\\r\\n\\r\\n'

def generate(files, size):
    variables = {"photos": [None] * files}
    yield HEAD % b"operations" + json.dumps({"query": "mutation", "variables": variables}).encode() + b"\\r\\n"
    places = {str(number): [f"variables.photos.{number}"] for number in range(files)}
    yield HEAD % b"map" + json.dumps(places).encode() + b"\\r\\n"
    for number in range(files):
        yield HEAD % b"%d" % number
        for piece in range(size // PIECE):
            yield bytes([piece % 251]) * PIECE
        yield b"\\r\\n"
    yield b"--cut--\\r\\n"

async def read(files, size):
    chunks = generate(files, size)
    async def receive():
        piece = next(chunks, b"")
        return {"type": "http.request", "body": piece, "more_body": not piece.startswith(b"--cut--")}
    headers = RequestHeaders({"type": "http", "headers": [(b"transfer-encoding", b"chunked")]})
    body = LimitedBody(headers, receive, None, max_bytes=2**30, timeout=60.0)
    request = await read_multipart_request("multipart/form-data; boundary=cut", body)
    return [None if each.content is None else len(each.content) for each in request.variables["photos"]]

def measure(files, size):
    found = asyncio.run(read(files, size))
    status = pathlib.Path("/proc/self/status").read_text()
    return found, int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) * 1024

_, before = measure(1, PIECE)
dropped, after_dropped = measure(1, 60 * 2**20)
kept, after_kept = measure(4, 10 * 2**20)
print(json.dumps([dropped, after_dropped - before, kept, after_kept - before]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process's memory is read from /proc")
def test_a_photo_of_60_mb_is_not_held_and_40_mb_of_photos_are_held_once() -> None:
    ended = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", MEASURE], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    dropped, for_dropped, kept, for_kept = json.loads(ended.stdout)
    assert (dropped, kept) == ([None], [10 * MEGABYTE] * 4)
    assert for_dropped < 16 * MEGABYTE, for_dropped
    assert 36 * MEGABYTE < for_kept < 56 * MEGABYTE, for_kept
