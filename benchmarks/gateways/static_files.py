"""A small replacement for nginx: files of one folder from memory, on uvicorn without a framework."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import uvicorn

from benchmarks.layout import HOST


def application(folder: Path) -> Any:  # noqa: ANN401 - an ASGI application
    """Serves the files, and at `/calls` the number of requests, in nginx's format."""
    files = {f"/{path.relative_to(folder)}": path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    request_count = 0

    async def serve(scope: dict[str, Any], _receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        nonlocal request_count
        request_count += 1
        body = files.get(scope["path"])
        if scope["path"] == "/calls":
            counts = f"{request_count} {request_count} {request_count}"
            body = f"Active connections: 1\nserver accepts handled requests\n {counts} \n".encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body or b"")).encode())]
        await send({"type": "http.response.start", "status": 404 if body is None else 200, "headers": headers})
        await send({"type": "http.response.body", "body": body or b""})

    return serve


if __name__ == "__main__":
    uvicorn.run(
        application(Path(sys.argv[2])),
        host=HOST,
        port=int(sys.argv[1]),
        lifespan="off",
        log_level="error",
        loop="uvloop",
    )
