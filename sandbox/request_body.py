"""Reading the body of a request without letting it grow for ever."""

from starlette.requests import Request

MAX_BODY_BYTES = 64 * 1024


async def read_body(request: Request, *, max_bytes: int = MAX_BODY_BYTES) -> bytes | None:
    """The whole body, or None when it is longer than `max_bytes`."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            return None
    return bytes(body)
