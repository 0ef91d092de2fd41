"""The ceiling: uvicorn with an application that reads the request and returns constant bytes."""

from __future__ import annotations

import sys
from typing import Any

import orjson
import uvicorn

from benchmarks.comparison.questions import Q1, Q2, Q3, BenchmarkQuestion, build_expected_answer
from benchmarks.layout import HOST


def application() -> Any:  # noqa: ANN401 - an ASGI application
    """The application; it answers questions without personal data."""

    def reply(question: BenchmarkQuestion) -> tuple[dict[str, Any], dict[str, Any]]:
        body = orjson.dumps({"data": build_expected_answer(question)})
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        return (
            {"type": "http.response.start", "status": 200, "headers": headers},
            {"type": "http.response.body", "body": body},
        )

    replies = {orjson.dumps({"query": each.document}): reply(each) for each in (Q1, Q2, Q3)}

    async def serve(_scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        start, body = replies[(await receive())["body"]]
        await send(start)
        await send(body)

    return serve


if __name__ == "__main__":
    uvicorn.run(
        application(),
        host=HOST,
        port=int(sys.argv[1]),
        lifespan="off",
        log_level="warning",
        loop="uvloop",
        access_log=False,
    )
