"""The graph decides who sees a photo; a denied caller causes no call for its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

import pytest
from starlette.requests import Request

from auth.caller import ANONYMOUS, Caller
from auth.crypto.node_ids import NodeIds
from engine.cost_budgets import CostBudget
from engine.request import GraphQLRequest, GraphQLResponse, ResponseOutcome
from records.calls.call import Call
from records.calls.failures import AgencyUnavailable
from records.complaint_photos import PHOTO_PATH, PHOTO_TYPE_NAME, PhotoKey
from tests.fakes.small_records import CALLERS
from tests.services.photos.sample_photos import build_photo
from web.authentication import RequestAuthenticator
from web.endpoints.photos import PhotoEndpoint
from web.http_errors import HttpError, HttpErrorCode
from web.settings import WebSettings

IDS = NodeIds(b"a secret of thirty-two bytes....")
KEY = PhotoKey("crm", "TT-26-ABCDEFGHJK", "stored:TT-26-ABCDEFGHJK:0")
PATH = f"{PHOTO_PATH}{IDS.seal(PHOTO_TYPE_NAME, chr(10).join(KEY))}"
SITI, OFFICIAL = CALLERS["the person"], CALLERS["an official"]
PHOTO = build_photo()


@dataclass
class PhotoWorld:
    """What the graph shows, and the file behind it."""

    shows: bool = True
    errors: tuple[Mapping[str, Any], ...] = ()
    file: bytes | Exception | None = PHOTO
    by_token: Caller = ANONYMOUS
    by_session: Caller | None = None
    readers: list[Caller] = field(default_factory=list)
    """The callers of each operation of the graph."""
    loaded: list[PhotoKey] = field(default_factory=list)

    async def execute(
        self, request: GraphQLRequest, caller: Caller, _call: Call, _budget: CostBudget
    ) -> GraphQLResponse:
        assert request.variables == {"id": IDS.seal("Complaint", "crm@TT-26-ABCDEFGHJK")}
        self.readers.append(caller)
        photos = [{"url": PATH}] if self.shows else []
        data = {"node": None if self.errors else {"photos": photos}}
        return GraphQLResponse(outcome=ResponseOutcome.ANSWERED, data=data, errors=self.errors)

    async def load(self, key: PhotoKey, call: Call) -> bytes | None:
        assert call.request_id == "test"
        self.loaded.append(key)
        if isinstance(self.file, Exception):
            raise self.file
        return self.file

    async def find_session_caller(self, _request: Request) -> Caller | None:
        return self.by_session

    async def get(self, path: str = PATH) -> tuple[int, bytes]:
        endpoint = PhotoEndpoint(
            self,
            self.execute,
            IDS,
            authenticator=RequestAuthenticator(lambda *_: self.by_token, WebSettings()),
            find_session_caller=self.find_session_caller,
        )
        call = Call(deadline=inf, request_id="test")
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "headers": [],
            "query_string": b"",
            "client": ("127.0.0.1", 1),
            "path_params": {"key": path.removeprefix(PHOTO_PATH)},
            "state": {"call": call},
        }
        response = await endpoint.serve(Request(scope))
        return response.status_code, bytes(response.body)


async def refuse(world: PhotoWorld, path: str = PATH) -> HttpErrorCode:
    with pytest.raises(HttpError) as refusal:
        await world.get(path)
    return refusal.value.code


@pytest.mark.parametrize(
    ("by_token", "by_session", "reader"),
    [
        (SITI, None, SITI),
        (ANONYMOUS, SITI, SITI),
        (OFFICIAL, SITI, OFFICIAL),
        (ANONYMOUS, None, ANONYMOUS),
    ],
    ids=["token", "session", "token before session", "nobody"],
)
async def test_the_graph_is_asked_as_the_caller(by_token: Caller, by_session: Caller | None, reader: Caller) -> None:
    world = PhotoWorld(by_token=by_token, by_session=by_session)
    assert await world.get() == (200, PHOTO)
    assert (world.readers, world.loaded) == ([reader], [KEY])


async def test_what_the_graph_does_not_show_is_not_found_and_not_loaded() -> None:
    for world in (
        PhotoWorld(shows=False),
        PhotoWorld(errors=({"message": "x", "extensions": {"code": "FORBIDDEN"}},)),
    ):
        assert await refuse(world) is HttpErrorCode.NOT_FOUND
        assert world.loaded == []


@pytest.mark.parametrize("code", ["AGENCY_UNAVAILABLE", "AGENCY_TIMEOUT", "LEDGER_UNAVAILABLE"])
async def test_while_the_complaint_cannot_be_read_the_photo_is_unavailable(code: str) -> None:
    world = PhotoWorld(errors=({"message": "x", "extensions": {"code": code}},))
    assert await refuse(world) is HttpErrorCode.HUB_UNAVAILABLE
    assert world.loaded == []


async def test_while_the_file_cannot_be_read_the_photo_is_unavailable() -> None:
    assert await refuse(PhotoWorld(file=AgencyUnavailable("crm", "down"))) is HttpErrorCode.HUB_UNAVAILABLE


@pytest.mark.parametrize("file", [None, b"", b"<html>", b"GIF89a"])
async def test_a_file_that_is_gone_or_no_photo_is_not_found(file: bytes | None) -> None:
    assert await refuse(PhotoWorld(file=file)) is HttpErrorCode.NOT_FOUND


@pytest.mark.parametrize(
    "caller",
    [replace(SITI, first_party=False), CALLERS["a supervisor"], CALLERS["the protection officer"]],
    ids=["in a third-party app", "supervisor", "protection officer"],
)
async def test_other_callers_are_refused_before_the_graph_is_asked(caller: Caller) -> None:
    world = PhotoWorld(by_token=caller, by_session=SITI)
    assert await refuse(world) is HttpErrorCode.FORBIDDEN
    assert (world.readers, world.loaded) == ([], [])


@pytest.mark.parametrize(
    "path",
    [
        f"{PHOTO_PATH}x",
        f"{PHOTO_PATH}{IDS.seal('Complaint', 'crm@1')}",
        f"{PHOTO_PATH}{IDS.seal(PHOTO_TYPE_NAME, 'crm')}",
        f"{PATH[:-2]}AA",
        f"{PHOTO_PATH}{NodeIds(b'another secret of 32 bytes......').seal(PHOTO_TYPE_NAME, chr(10).join(KEY))}",
    ],
)
async def test_an_address_that_the_hub_did_not_make_is_not_found(path: str) -> None:
    world = PhotoWorld(by_token=SITI)
    assert await refuse(world, path) is HttpErrorCode.NOT_FOUND
    assert (world.readers, world.loaded) == ([], [])
