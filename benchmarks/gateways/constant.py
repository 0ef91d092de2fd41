"""The ceiling for one answer: uvicorn with an application that reads the request and returns the bytes of a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import uvicorn

from benchmarks.layout import HOST


def application(body: bytes) -> Any:  # noqa: ANN401 - an ASGI application
    """The application."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    whole = {"type": "http.response.body", "body": body}

    async def serve(_scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        await receive()
        await send(start)
        await send(whole)

    return serve


if __name__ == "__main__":
    app = application(Path(sys.argv[2]).read_bytes())
    uvicorn.run(app, host=HOST, port=int(sys.argv[1]), lifespan="off", log_level="warning", access_log=False)
