"""Forms of the complaint system: URL-encoded, or multipart with photos."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs

from multipart import (  # type: ignore[import-untyped]  # typed, but not marked so
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)
from starlette.requests import Request

from sandbox.request_body import MAX_BODY_BYTES, read_body

MAX_PHOTO_FORM_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Form:
    """A form: its fields with all their values, and its files."""

    fields: Mapping[str, Sequence[str]]
    files: Sequence[tuple[str, bytes]] = ()
    """Name of the field, and content."""


async def read_form(request: Request) -> Form | None:
    """The form of a request; None if it is too long or malformed."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    is_multipart = kind == "multipart/form-data"
    body = await read_body(request, max_bytes=MAX_PHOTO_FORM_BYTES if is_multipart else MAX_BODY_BYTES)
    if body is None:
        return None
    return (
        _parse_multipart(body, options.get("boundary", ""))
        if is_multipart
        else Form(parse_qs(body.decode(errors="replace")))
    )


def _parse_multipart(body: bytes, boundary: str) -> Form | None:
    fields: dict[str, list[str]] = {}
    files: list[tuple[str, bytes]] = []
    try:
        with PushMultipartParser(boundary, max_segment_count=100, strict=True) as parser:
            segment, content = None, bytearray()
            for event in parser.parse(body):
                if isinstance(event, MultipartSegment):
                    segment, content = event, bytearray()
                elif event is not None:
                    content += event
                elif segment is not None and segment.filename is not None:
                    files.append((segment.name, bytes(content)))
                elif segment is not None:
                    fields.setdefault(segment.name, []).append(content.decode(errors="replace"))
    except MultipartError:
        return None
    return Form(fields, files)
