"""Parts of a multipart/form-data body (RFC 7578), parsed while they arrive.

The files of one body are in memory once, and within bounds. The rest of a file that is too large is read and dropped,
so that the caller gets an answer that names the file.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header  # type: ignore[import-untyped]  # typed, but not marked so

from records.uploads import MAX_FILE_BYTES, UploadedFile
from web.http_errors import HttpError, HttpErrorCode, build_bad_request
from web.middleware.request_body import LimitedBody
from web.server.client_disconnect import ClientDisconnected

MAX_PARTS: Final = 40
MAX_FILES: Final = 10
MAX_TEXT_BYTES: Final = 1024 * 1024
"""Maximum size of all parts together that are no files."""
MAX_CONTENT_BYTES: Final = 40 * 1024 * 1024
"""Maximum size of all files of a body in memory. What exceeds it counts as too large."""


@dataclass(slots=True)
class Part:
    """One whole part."""

    name: str
    file: UploadedFile | None = None
    """The file; None for a text."""
    text: bytes = b""


@dataclass(slots=True)
class _OpenPart:
    """A part that is arriving."""

    name: str
    is_file: bool
    content: bytearray = field(default_factory=bytearray)
    is_too_large: bool = False
    digest: Any = field(default_factory=sha256)


async def read_parts(
    content_type: str, body: LimitedBody, is_file: Callable[[MultipartSegment], bool]
) -> AsyncIterator[Part]:
    """The parts of a body, each as soon as it is whole.

    Raises:
        HttpError: BAD_REQUEST, PAYLOAD_TOO_LARGE; and what `LimitedBody.receive` raises.
        ClientDisconnected: The client disconnected before the end of the body.

    """
    reader = _PartReader(is_file)
    parser = _build_parser(content_type)
    try:
        more = True
        while more:
            message = await body.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnected
            more = message.get("more_body", False)
            if chunk := message.get("body", b""):
                for event in parser.parse(chunk):
                    whole = reader.take(event)
                    if whole is not None:
                        yield whole
        parser.close()
    except MultipartError as error:
        raise build_bad_request(
            f"The multipart body is malformed: {error.args[0]}. Send it as RFC 7578 says."
        ) from None


def _build_parser(content_type: str) -> PushMultipartParser:
    _, options = parse_options_header(content_type)
    boundary = options.get("boundary", "")
    if not boundary or len(boundary) > 200:  # noqa: PLR2004 - RFC 2046 allows 70
        raise build_bad_request(
            "The Content-Type header has no valid 'boundary'. Let your HTTP library set the header."
        )
    try:
        # Not strict: then it refuses the line end behind the last boundary, if that arrives by itself.
        return PushMultipartParser(boundary, max_segment_count=MAX_PARTS)
    except (MultipartError, ValueError):
        raise build_bad_request("The 'boundary' of the Content-Type header is invalid.") from None


class _PartReader:
    """Collects the parts of one body, within the bounds."""

    def __init__(self, is_file: Callable[[MultipartSegment], bool]) -> None:
        self._is_file = is_file
        self._open: _OpenPart | None = None
        self._files = 0
        self._text_bytes = 0
        self._content_bytes = 0

    def take(self, event: MultipartSegment | bytes | bytearray | None) -> Part | None:
        """Take the parser's next event; returns a part at its end. Raises `HttpError`."""
        if isinstance(event, MultipartSegment):
            self._begin(event)
            return None
        if self._open is None:
            raise TypeError("The parser gave content before a part.")
        if event is not None:
            self._add(self._open, event)
            return None
        ended, self._open = self._open, None
        if not ended.is_file:
            return Part(ended.name, text=bytes(ended.content))
        content = None if ended.is_too_large else ended.content
        return Part(ended.name, file=UploadedFile(digest=ended.digest.hexdigest(), content=content))

    def _begin(self, segment: MultipartSegment) -> None:
        self._open = _OpenPart(segment.name, self._is_file(segment))
        if self._open.is_file:
            self._files += 1
            if self._files > MAX_FILES:
                raise build_bad_request(f"The body has more than {MAX_FILES} files. Send fewer.")

    def _add(self, part: _OpenPart, piece: bytes | bytearray) -> None:
        if not part.is_file:
            self._text_bytes += len(piece)
            if self._text_bytes > MAX_TEXT_BYTES:
                message = f"The parts without files have more than {MAX_TEXT_BYTES} bytes. Shorten them."
                raise HttpError(HttpErrorCode.PAYLOAD_TOO_LARGE, message)
            part.content += piece
            return
        part.digest.update(piece)
        if part.is_too_large:
            return
        self._content_bytes += len(piece)
        if len(part.content) + len(piece) > MAX_FILE_BYTES or self._content_bytes > MAX_CONTENT_BYTES:
            self._content_bytes -= len(part.content) + len(piece)
            part.is_too_large, part.content = True, bytearray()
        else:
            part.content += piece
