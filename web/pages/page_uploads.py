"""Forms of pages that hold files (RFC 7578), within the limits of all uploads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from time import monotonic

from multipart import MultipartSegment  # type: ignore[import-untyped]  # typed, but not marked so
from starlette.requests import ClientDisconnect, Request

from records.uploads import UploadedFile
from web.http_errors import HttpError, HttpErrorCode
from web.middleware.request_body import get_limited_body
from web.middleware.request_identity import get_call
from web.pages.page_renderer import PageProblem
from web.pages.page_session import Form
from web.server.client_disconnect import ClientDisconnected
from web.settings import WebSettings
from web.uploads.multipart_parts import read_parts
from web.uploads.upload_budget import UploadBudget

_MEDIA_TYPE = "multipart/form-data"
_PROBLEMS = {
    HttpErrorCode.PAYLOAD_TOO_LARGE: "photos_too_large",
    HttpErrorCode.REQUEST_TIMEOUT: "photos_too_large",
    HttpErrorCode.OVERLOADED: "hub_down",
}

FormFiles = Mapping[str, UploadedFile]
"""Files by the name of their field."""


class PageUploads:
    """Reads forms with files."""

    def __init__(self, settings: WebSettings) -> None:
        self._settings = settings
        self._budget = UploadBudget()

    @staticmethod
    def is_multipart(request: Request) -> bool:
        """Whether the form holds files."""
        return request.headers.get("content-type", "").partition(";")[0].strip().lower() == _MEDIA_TYPE

    @asynccontextmanager
    async def read_form(self, request: Request) -> AsyncIterator[tuple[Form, FormFiles]]:
        """The texts and files of a form. Memory for the files is reserved until the block ends.

        The time of the request begins when its body has arrived, because photos take long to send.

        Raises `PageProblem`.
        """
        body = get_limited_body(request.scope)
        try:
            body.expect_files(max_bytes=self._settings.max_upload_bytes, timeout=self._settings.upload_timeout)
            with self._budget.reserve(body.announced_length):
                fields: dict[str, list[str]] = {}
                files: dict[str, UploadedFile] = {}
                async for part in read_parts(request.headers["content-type"], body, _is_file):
                    if part.file is None:
                        fields.setdefault(part.name, []).append(part.text.decode())
                    elif part.file.content is None or part.file.content:  # an empty one is a field without a choice
                        files[part.name] = part.file
                deadline = monotonic() + self._settings.request_timeout
                request.state.call = replace(get_call(request.scope), deadline=deadline)
                yield fields, files
        except ClientDisconnected:
            raise ClientDisconnect from None
        except UnicodeDecodeError:
            raise PageProblem("foreign_form", HTTPStatus.BAD_REQUEST) from None
        except HttpError as refusal:
            name = _PROBLEMS.get(refusal.code, "foreign_form")
            raise PageProblem(name, HTTPStatus(refusal.code.status), headers=refusal.headers) from None


def _is_file(segment: MultipartSegment) -> bool:
    return segment.filename is not None
