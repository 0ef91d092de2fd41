"""A stand-in server of a SOAP service, 1.1 or 1.2: it answers by the WSDL, from samples.

It refuses what the WSDL does not describe: other operations, elements, actions and versions. It checks the header parts
of `wire.headers`, the user token of WS-Security, and `wire.credential`.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from lxml import etree
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.agency import AgencySpec
from sandbox.control import REFUSED, AgencyControl, AgencyMode
from sandbox.stand_ins.http_credential import HttpCredentialCheck, is_equal, parse_pairs
from sandbox.stand_ins.soap_replies import SoapReplies
from sandbox.stand_ins.soap_wsdl import ENVELOPES, DescribedOperation, NotInWsdlError, SoapDescription, read_arguments
from sandbox.stand_ins.sources import StandInSource

_ADDRESSING: Final = "http://www.w3.org/2005/08/addressing"
_OASIS: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
_WSSE: Final = f"{_OASIS}wssecurity-secext-1.0.xsd"
_WSU: Final = f"{_OASIS}wssecurity-utility-1.0.xsd"
_DIGEST: Final = f"{_OASIS}username-token-profile-1.0#PasswordDigest"
_MAX_AGE: Final = timedelta(minutes=5)
_PARSER: Final = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


class SoapStandIn:
    """The service on the agency's port. Raises `CannotStartError` for samples that cannot be served."""

    def __init__(self, spec: AgencySpec, control: AgencyControl, source: StandInSource) -> None:
        self._control = control
        self._wire: Mapping[str, Any] = source.fill_wire(user=spec.user, secret=spec.secret)
        self._version: str = self._wire.get("version", "1.1")
        self._namespace = ENVELOPES[self._version]
        named = self._wire["wsdl"]
        paths = [source.city / "wsdl" / each for each in ([named] if isinstance(named, str) else named)]
        self._description = SoapDescription(paths, self._version)
        self._replies = SoapReplies(source, self._description)
        self._credential = HttpCredentialCheck(self._wire.get("credential", {}))
        self._nonces: set[str] = set()

    def build_app(self) -> Starlette:
        """The application."""
        return Starlette(routes=[Route("/{path:path}", self._answer, methods=["POST"])])

    async def _answer(self, request: Request) -> Response:
        body = await request.body()
        if self._credential.is_token_request(request):
            return self._credential.issue_token(request, dict(parse_pairs(body.decode("utf-8", "replace"))))
        try:
            envelope = etree.fromstring(body, _PARSER)
            operation, arguments = self._read_call(request, envelope)
        except (NotInWsdlError, etree.XMLSyntaxError) as problem:
            return self._write(None, self._replies.build_fault("Client", str(problem)))
        is_refusing = self._control.mode is AgencyMode.REFUSE
        if is_refusing or not (self._credential.is_allowed(request, []) and self._is_known_user(operation, envelope)):
            self._control.count_call(REFUSED)
            return self._write(envelope, self._replies.build_fault("Client", "not allowed"))
        await self._control.begin_call(operation.name)
        if self._control.mode is AgencyMode.ERROR:
            return self._write(envelope, self._replies.build_fault("Server", "internal server error"))
        reply = self._write(envelope, self._replies.find(operation, arguments))
        if self._control.mode is AgencyMode.RUBBISH:
            half = bytes(reply.body)[: len(reply.body) // 2]
            return Response(half, status_code=reply.status_code, media_type=reply.media_type)
        return reply

    def _read_call(
        self, request: Request, envelope: etree._Element
    ) -> tuple[DescribedOperation, list[tuple[str, str]]]:
        """The operation and its arguments. Raises `NotInWsdlError`."""
        if envelope.tag != f"{{{self._namespace}}}Envelope":
            raise NotInWsdlError(f"this is no envelope of SOAP {self._version}")
        content = envelope.findall(f"{{{self._namespace}}}Body/*")
        operation = self._description.operations.get(str(content[0].tag)) if len(content) == 1 else None
        if operation is None:
            raise NotInWsdlError("the body holds no operation of the WSDL")
        if self._read_action(request) != operation.action:
            raise NotInWsdlError(f"the action is not '{operation.action}'")
        return operation, list(read_arguments(operation.request, content[0]))

    def _read_action(self, request: Request) -> str:
        if self._version == "1.1":
            return request.headers.get("soapaction", "").strip('"')
        parts = [each.strip() for each in request.headers.get("content-type", "").split(";")]
        return next((each[8:-1] for each in parts if each.startswith('action="')), "")

    def _is_known_user(self, operation: DescribedOperation, envelope: etree._Element) -> bool:
        """Whether the header has the texts of `wire.headers`, and the user token."""
        header = envelope.find(f"{{{self._namespace}}}Header")
        wanted = self._wire.get("headers", {})
        texts = {"{user}": self._wire.get("user", ""), "{password}": self._wire.get("password", "")}
        for part, element in operation.headers.items():
            found = None if header is None else header.find(str(element))
            given = {} if found is None else {etree.QName(each).localname: each.text or "" for each in found}
            for name, text in wanted.get(part, {}).items():
                if not is_equal(given.get(name, ""), texts.get(text, text)):
                    return False
        token = self._wire.get("user_token")
        security = None if header is None else header.find(f"{{{_WSSE}}}Security")
        return token is None or (security is not None and self._is_good_token(token, security))

    def _is_good_token(self, wanted: Mapping[str, Any], security: etree._Element) -> bool:
        """Whether a `Security` header has the user, the password or its digest, and a valid time (WS-Security)."""
        token = f"{{{_WSSE}}}UsernameToken/"
        password = security.find(f"{token}{{{_WSSE}}}Password")
        user = security.findtext(f"{token}{{{_WSSE}}}Username") or ""
        if password is None or not is_equal(user, self._wire["user"]):
            return False
        if wanted.get("timestamp") and not _is_valid_now(security.find(f"{{{_WSU}}}Timestamp")):
            return False
        if not wanted.get("digest", True):
            return is_equal(password.text or "", self._wire["password"])
        nonce = security.findtext(f"{token}{{{_WSSE}}}Nonce") or ""
        created = security.findtext(f"{token}{{{_WSU}}}Created") or ""
        content = b64decode(nonce) + created.encode() + str(self._wire["password"]).encode()
        digest = b64encode(hashlib.sha1(content).digest()).decode()  # noqa: S324 - of the profile
        is_new = nonce not in self._nonces and _is_recent(created)
        self._nonces.add(nonce)
        return password.get("Type") == _DIGEST and is_new and is_equal(password.text or "", digest)

    def _write(self, asked: etree._Element | None, content: etree._Element) -> Response:
        """The reply with this content; it names the message that it answers, if that has an id (WS-Addressing)."""
        envelope = etree.Element(f"{{{self._namespace}}}Envelope", nsmap={"soap": self._namespace})
        header = f"{{{self._namespace}}}Header"
        message = None if asked is None else asked.findtext(f"{header}/{{{_ADDRESSING}}}MessageID")
        if message is not None:
            etree.SubElement(etree.SubElement(envelope, header), f"{{{_ADDRESSING}}}RelatesTo").text = message
        etree.SubElement(envelope, f"{{{self._namespace}}}Body").append(content)
        written = etree.tostring(envelope, encoding="utf-8", xml_declaration=True)
        media_type = "text/xml" if self._version == "1.1" else "application/soap+xml"
        return Response(written, status_code=self._choose_status(content), media_type=f"{media_type}; charset=utf-8")

    def _choose_status(self, content: etree._Element) -> int:
        if content.tag != f"{{{self._namespace}}}Fault":
            return 200
        value = content.findtext(f"{{{self._namespace}}}Code/{{{self._namespace}}}Value") or ""
        return 400 if value.endswith(":Sender") else 500


def _is_recent(moment: str) -> bool:
    try:
        return abs(datetime.now(UTC) - datetime.fromisoformat(moment)) < _MAX_AGE
    except (TypeError, ValueError):
        return False


def _is_valid_now(stamp: etree._Element | None) -> bool:
    begins, ends = (
        "" if stamp is None else stamp.findtext(f"{{{_WSU}}}{each}") or "" for each in ("Created", "Expires")
    )
    return _is_recent(begins) and _is_recent(ends) and begins < ends
