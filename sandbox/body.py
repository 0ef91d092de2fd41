"""Reading the body of a request without letting it grow for ever."""

from starlette.requests import Request

LIMIT_BYTES = 64 * 1024


async def body_of(request: Request) -> bytes | None:
    """The whole body, or None when it is longer than `LIMIT_BYTES`."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LIMIT_BYTES:
            return None
    return bytes(body)
