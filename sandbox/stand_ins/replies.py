"""The sample replies of a service over HTTP, by request.

A sample file holds `{"GET v1/markets/7?page=2": {...}}`. Parameters are in alphabetical order and not encoded, with
commas between the values of one name; a form or a JSON body follows a space, as in `POST v1/search nib=1234`. A request
with `{keys}` answers for any keys: with those rows that hold one of them, as the manifest's read names rows and key.
`{today}` stands for the present day in the city, and `*` for any signs. `POST v1/search *` answers all other requests
of that path, and `POST refused` those with a wrong credential. A reply is JSON, the name of a file beside it
(`"file:floods.xml"`), or JSON with a status: `{"http:status": 404, "body": {...}}`.
"""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sandbox.agency import CannotStartError
from sandbox.clock import WIB
from sandbox.stand_ins.sources import StandInSource

METHODS: Final = ("GET", "POST")
_FILE: Final = "file:"
_KEYS: Final = "{keys}"
_ANY: Final = "*"
_STATUS: Final = "http:status"


@dataclass(frozen=True, slots=True)
class SampleReply:
    """The body of a reply."""

    body: bytes = field(repr=False)
    media_type: str = "application/json"
    status: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedReply:
    """A reply for any keys, of which the rows of other keys are left out."""

    request: re.Pattern[str]
    body: Any = field(repr=False)
    rows: Sequence[str]
    """The path to the list of rows."""
    key: str
    """The column of the key."""

    def select(self, line: str) -> SampleReply | None:
        """The reply to a request, if it has the form."""
        found = self.request.fullmatch(line)
        return None if found is None else _write(select_rows(self.body, self.rows, self.key, set(_list_keys(found[1]))))


class SampleReplies:
    """The replies of all sample files. Raises `CannotStartError` for one that cannot be served."""

    def __init__(self, source: StandInSource) -> None:
        self._exact: dict[str, SampleReply] = {}
        self._keyed: list[KeyedReply] = []
        self._other: list[tuple[re.Pattern[str], SampleReply]] = []
        for name, replies in source.read_json():
            for given, body in replies.items():
                request = _hide_today(given)
                if request.partition(" ")[0] not in METHODS:
                    raise CannotStartError(f"{name}.json of {source.code}: '{request}' is not GET or POST and a path")
                if _KEYS in request:
                    self._keyed.append(_build_keyed(source, request, body))
                elif _ANY in request.removesuffix(f" {_ANY}"):
                    pattern = re.compile(re.escape(request).replace(re.escape(_ANY), ".*"), re.DOTALL)
                    self._other.append((pattern, _load_reply(source, body)))
                else:
                    self._exact[request] = _load_reply(source, body)

    def find(self, line: str) -> SampleReply | None:
        """The reply to a request; None if no sample has it."""
        line = _hide_today(line)
        if (exact := self._exact.get(line)) is not None:
            return exact
        keyed = next((reply for each in self._keyed if (reply := each.select(line)) is not None), None)
        other = (reply for pattern, reply in self._other if pattern.fullmatch(line))
        return keyed or next(other, None) or self._exact.get(f"{line.partition(' ')[0]} {_find_path(line)} *")


def _hide_today(request: str) -> str:
    """A request with `{today}` in place of the present day: samples are loaded on one day, and asked for on others."""
    return request.replace(datetime.now(WIB).date().isoformat(), "{today}")


def _load_reply(source: StandInSource, body: Any) -> SampleReply:  # noqa: ANN401 - any JSON
    if isinstance(body, dict) and _STATUS in body:
        return replace(_write(body["body"]), status=body[_STATUS])
    if not isinstance(body, str) or not body.startswith(_FILE):
        return _write(body)
    path = source.samples / body.removeprefix(_FILE)
    if path not in source.list_files():
        raise CannotStartError(f"{path} is missing; a reply of {source.code} names it.")
    return SampleReply(path.read_bytes(), mimetypes.guess_type(path.name)[0] or "application/octet-stream")


def _build_keyed(source: StandInSource, request: str, body: Any) -> KeyedReply:  # noqa: ANN401 - any JSON
    path = _find_path(request)
    for read in source.manifest.get("reads", {}).values():
        if str(read.get("path", "")).strip("/") == path and isinstance(read.get("key"), str):
            quoted = re.escape(request).replace(re.escape(f'"{_KEYS}"'), r"(\[.*\])").replace(re.escape(_KEYS), "(.*)")
            rows = [each for each in str(read.get("rows", "")).split(".") if each]
            return KeyedReply(request=re.compile(quoted), body=body, rows=rows, key=read["key"])
    raise CannotStartError(f"{source.code}: no read with a key has the path of '{request}'.")


def _find_path(request: str) -> str:
    """The path in a request with its method and its content."""
    return request.partition(" ")[2].partition("?")[0].partition(" ")[0]


def _list_keys(found: str) -> Iterator[str]:
    values = json.loads(found) if found.startswith("[") else found.split(",")
    return (str(each) for each in values)


def select_rows(body: Any, rows: Sequence[str], key: str, keys: set[str]) -> Any:  # noqa: ANN401 - any JSON
    """A reply without the rows of other keys; `rows` is the path to their list, and `key` their column."""
    if not rows:
        return [each for each in body if str(_dig(each, key.split("."))) in keys]
    first, *rest = rows
    return {**body, first: select_rows(body[first], rest, key, keys)}


def _dig(row: Mapping[str, Any], names: Sequence[str]) -> Any:  # noqa: ANN401 - any JSON
    return row[names[0]] if len(names) == 1 else _dig(row[names[0]], names[1:])


def _write(body: Any) -> SampleReply:  # noqa: ANN401 - any JSON
    return SampleReply(json.dumps(body, ensure_ascii=False).encode())
