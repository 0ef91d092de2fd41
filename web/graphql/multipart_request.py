"""GraphQL requests with files (GraphQL multipart request specification, jaydenseric).

The parts come in the order `operations`, `map`, files: a file is then never held without knowing its place. Each file
has one place, which is a null in the variables. It becomes an `UploadedFile` there, which the scalar `Upload` takes.
The hub's own pages do the same: they put an `UploadedFile` into the variables that they hand to `InternalClient`.
"""

from __future__ import annotations

from typing import Any

from multipart import MultipartSegment  # type: ignore[import-untyped]  # typed, but not marked so

from engine.request import GraphQLRequest
from records.uploads import UploadedFile
from web.graphql.request_parsing import decode_object, parse_body
from web.http_errors import HttpError, build_bad_request
from web.middleware.request_body import LimitedBody
from web.uploads.multipart_parts import MAX_FILES, Part, read_parts

OPERATIONS, MAP = "operations", "map"
_ORDER = "Send 'operations' first, then 'map', then the files."
_ROOT = "variables"
_MAX_PATH = 500


async def read_multipart_request(content_type: str, body: LimitedBody) -> GraphQLRequest:
    """Read and parse a request with files.

    Raises:
        HttpError: BAD_REQUEST, and what `read_parts` raises.

    """
    builder = _RequestBuilder()
    async for part in read_parts(content_type, body, _is_file):
        builder.add(part)
    return builder.build()


def _is_file(segment: MultipartSegment) -> bool:
    return segment.name not in {OPERATIONS, MAP}


class _RequestBuilder:
    """Puts the files of one request in their places."""

    def __init__(self) -> None:
        self._request: GraphQLRequest | None = None
        self._places: dict[str, _Place] | None = None
        """By the name of the part that is still due; None before the map."""

    def add(self, part: Part) -> None:
        """Add the next part. Raises `HttpError`."""
        if self._request is None:
            if part.name != OPERATIONS:
                raise build_bad_request(f"The first part is not 'operations'. {_ORDER}")
            self._request = parse_body(part.text, "The part 'operations'")
        elif self._places is None:
            if part.name != MAP:
                raise build_bad_request(f"The second part is not 'map'. {_ORDER}")
            self._places = _parse_map(part.text, self._request)
        elif part.file is None:
            raise build_bad_request(f"The part '{part.name}' comes twice or too late. {_ORDER}")
        else:
            place = self._places.pop(part.name, None)
            if place is None:
                raise build_bad_request(
                    "A part is not in 'map', or comes twice. Name each file in 'map', and send it once."
                )
            place.put(part.file)

    def build(self) -> GraphQLRequest:
        """The request with all its files. Raises `HttpError`."""
        if self._request is None or self._places is None:
            raise build_bad_request(f"The body lacks 'operations' or 'map'. {_ORDER}")
        if self._places:
            raise build_bad_request(
                f"{len(self._places)} of the files in 'map' are missing. Send each of them as a part."
            )
        return self._request


class _Place:
    """A null in the variables."""

    def __init__(self, container: Any, key: str | int) -> None:  # noqa: ANN401 - a list or an object of JSON
        self._container = container
        self._key = key

    def put(self, file: UploadedFile) -> None:
        """Replace the null."""
        self._container[self._key] = file


def _parse_map(text: bytes, request: GraphQLRequest) -> dict[str, _Place]:
    """The places by the names of parts. Raises `HttpError`."""
    named = decode_object(text, "The part 'map'")
    if len(named) > MAX_FILES:
        raise build_bad_request(f"The part 'map' names more than {MAX_FILES} files. Send fewer.")
    if {OPERATIONS, MAP} & named.keys():
        raise build_bad_request("The part 'map' names 'operations' or 'map'. Give files other names, such as '0'.")
    taken: set[str] = set()
    places: dict[str, _Place] = {}
    for name, paths in named.items():
        if not isinstance(paths, list) or len(paths) != 1 or not isinstance(paths[0], str):
            raise build_bad_request(
                "Each member of 'map' must be a list with one path, such as [\"variables.complaint.photos.0.file\"]."
            )
        if paths[0] in taken:
            raise build_bad_request("Two files of 'map' have the same place. Give each its own.")
        taken.add(paths[0])
        places[name] = _find_place(paths[0], request)
    return places


def _find_place(path: str, request: GraphQLRequest) -> _Place:
    steps = path.split(".") if len(path) <= _MAX_PATH else []
    if len(steps) < 2 or steps[0] != _ROOT:  # noqa: PLR2004 - the root and a variable
        raise _build_place_error()
    value: Any = request.variables
    place: _Place | None = None
    for step in steps[1:]:
        key = _find_key(value, step)
        place, value = _Place(value, key), value[key]
    if place is None or value is not None:
        raise _build_place_error()
    return place


def _find_key(value: object, step: str) -> str | int:
    """The key or index of a step in a JSON value. Raises `HttpError`."""
    if isinstance(value, dict) and step in value:
        return step
    if isinstance(value, list) and step.isascii() and step.isdigit() and len(step) < 5 and int(step) < len(value):  # noqa: PLR2004 - digits
        return int(step)
    raise _build_place_error()


def _build_place_error() -> HttpError:
    return build_bad_request(
        "A path in 'map' leads to no null of the variables. Send null in the place of each file, and name it as"
        " 'variables.NAME...'."
    )
