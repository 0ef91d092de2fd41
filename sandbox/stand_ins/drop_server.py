"""A stand-in of an agency that leaves files: a folder, and the same folder over HTTP.

A folder cannot fail like a service, so the modes of the agency change it: in the modes error and refuse it is away, and
in rubbish every file is cut.
"""

from __future__ import annotations

import shutil
from email.utils import formatdate

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sandbox.agency import AgencySpec
from sandbox.control import REFUSED, AgencyControl, AgencyMode, Latency
from sandbox.stand_ins.drop_files import write_drop
from sandbox.stand_ins.http_credential import HttpCredentialCheck, parse_pairs
from sandbox.stand_ins.sources import DROP, StandInSource


class DropControl(AgencyControl):
    """The control of a folder. Raises `CannotStartError` for samples that cannot be written."""

    def __init__(self, spec: AgencySpec, latency: Latency, source: StandInSource) -> None:
        self.folder = spec.state / DROP
        super().__init__(spec.name, latency, {"driver": source.driver, "folder": str(self.folder)})
        self._source = source
        self._today = spec.today
        self._write()

    def set_mode(self, mode: AgencyMode) -> None:
        """Change the behaviour, and a folder that the hub itself reads."""
        super().set_mode(mode)
        if not self._source.is_drop:
            return
        self._write()
        if mode in {AgencyMode.ERROR, AgencyMode.REFUSE}:
            shutil.rmtree(self.folder)
        elif mode is AgencyMode.RUBBISH:
            for path in self.folder.iterdir():
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    def _write(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        write_drop(self._source, self.folder, self._today)


class DropService:
    """The folder over HTTP, without a list of its files."""

    def __init__(self, spec: AgencySpec, control: DropControl, source: StandInSource) -> None:
        self._control = control
        self._credential = HttpCredentialCheck(
            source.fill_wire(user=spec.user, secret=spec.secret).get("credential", {})
        )

    def build_app(self) -> Starlette:
        """The application."""
        return Starlette(routes=[Route("/{name}", self._answer, methods=["GET", "POST"])])

    async def _answer(self, request: Request) -> Response:
        if self._credential.is_token_request(request):
            body = (await request.body()).decode("utf-8", "replace")
            return self._credential.issue_token(request, dict(parse_pairs(body)))
        control, name = self._control, request.path_params["name"]
        if control.mode is AgencyMode.REFUSE or not self._credential.is_allowed(request, []):
            control.count_call(REFUSED)
            return PlainTextResponse("not allowed", status_code=401)
        await control.begin_call(name)
        if control.mode is AgencyMode.ERROR:
            return PlainTextResponse("internal server error", status_code=500)
        path = control.folder / name
        if path.parent != control.folder or not path.is_file():
            return PlainTextResponse("not found", status_code=404)
        content = path.read_bytes()
        if control.mode is AgencyMode.RUBBISH:
            content = content[: len(content) // 2]
        modified = formatdate(path.stat().st_mtime, usegmt=True)
        return Response(content, media_type="application/octet-stream", headers={"Last-Modified": modified})
