"""Builds the driver's service, with its credential, from the table `[wire]`. Refuses what is not safe."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from yarl import URL

from connectors.declared.service.wire import CertificateTable, CredentialTable, Oauth2Table, ServiceWire, SignatureTable
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.http.address import AgencyAddress, is_internal, is_loopback
from connectors.drivers.http.credentials.client_certificate import ClientCertificate, UnusableCertificate
from connectors.drivers.http.credentials.client_tokens import ClientTokens, Oauth2Client
from connectors.drivers.http.credentials.http_credential import NO_TOKENS, HttpCredential
from connectors.drivers.http.credentials.private_key import RsaKey, load_rsa_key
from connectors.drivers.http.credentials.request_signature import RequestSignature
from connectors.drivers.http.read_connections import build_request_head, build_tls_context
from connectors.drivers.http.service import HttpService

_PLACE: Final = "wire.credential"
_INTERNAL: Final = "it leads to an internal address (link-local, multicast or unspecified), where no agency is"

_PLAIN: Final = (
    "calls to another machine would travel in plain text: use https; or, if the network between is trusted, write"
    " plain_http = true in [wire]"
)


def build_service(wire: ServiceWire, agency: str, *, accept: str = "") -> HttpService:
    """Build the service of an agency; `accept` is the media type of its replies. Opens nothing.

    Raises:
        NotDeclarableError: The address or a part of the credential is not safe, or cannot be used.

    """
    address = AgencyAddress(agency, wire.url.get_secret_value())
    if is_internal(address.host):
        raise NotDeclarableError("wire.url", _INTERNAL)
    if not (address.is_secure or wire.plain_http or is_loopback(address.host)):
        raise NotDeclarableError("wire.url", _PLAIN)
    return HttpService(
        agency,
        wire.url.get_secret_value(),
        headers={"Accept": accept} if accept else {},
        credential=_build_credential(wire.credential, agency, address),
    )


def _build_credential(table: CredentialTable, agency: str, address: AgencyAddress) -> HttpCredential:
    _check_headers(table, has_password=address.build_authorization() is not None)
    certificate = None
    if table.certificate is not None:
        if not address.is_secure:
            raise NotDeclarableError(f"{_PLACE}.certificate", "it is shown over TLS only: use https in wire.url")
        certificate = _load_certificate(table.certificate, agency)
    tokens = NO_TOKENS if table.oauth2 is None else _build_tokens(table.oauth2, agency, certificate)
    signature = None if table.signature is None else _build_signature(f"{_PLACE}.signature", table.signature)
    if signature is not None and signature.covers_token and table.oauth2 is None:
        raise NotDeclarableError(f"{_PLACE}.signature", "{access_token} needs the table oauth2")
    return HttpCredential(
        headers={name: each.get_secret_value() for name, each in table.headers.items()},
        query={name: each.get_secret_value() for name, each in table.query.items()},
        form={name: each.get_secret_value() for name, each in table.form.items()},
        body={name: each.get_secret_value() for name, each in table.body.items()},
        tokens=tokens,
        signature=signature,
        certificate=certificate,
        expires_at=table.expires_at,
    )


def _check_headers(table: CredentialTable, *, has_password: bool) -> None:
    """Refuse headers that cannot be sent, and two credentials in one header."""
    named = ["authorization"] * (has_password + (table.oauth2 is not None))
    for name, value in table.headers.items():
        if build_request_head("", {name: value.get_secret_value()}) is None:
            raise NotDeclarableError(f"{_PLACE}.headers.{name}", "not a header that the hub can send")
        named.append(name.lower())
    named += [each.lower() for each in table.signature.headers] if table.signature is not None else []
    for each in named:
        if named.count(each) > 1:
            raise NotDeclarableError(_PLACE, f"two parts of it fill the header '{each}'; keep one")


def _load_certificate(table: CertificateTable, agency: str) -> ClientCertificate:
    for name, path in (("file", table.file), ("key", table.key)):
        _require_absolute(f"{_PLACE}.certificate.{name}", path)
    try:
        return ClientCertificate(agency, table.files, build_tls_context)
    except UnusableCertificate as error:
        name = "key" if error.file == "key" else "file"
        raise NotDeclarableError(f"{_PLACE}.certificate.{name}", error.problem) from None


def _build_tokens(table: Oauth2Table, agency: str, certificate: ClientCertificate | None) -> ClientTokens:
    place = f"{_PLACE}.oauth2"
    if problem := _find_token_url_problem(table.token_url):
        raise NotDeclarableError(f"{place}.token_url", problem)
    if table.authentication == "tls_client_auth" and certificate is None:
        raise NotDeclarableError(f"{place}.authentication", "tls_client_auth needs the table certificate")
    client = Oauth2Client(
        token_url=table.token_url,
        client_id=table.client_id,
        client_secret="" if table.client_secret is None else table.client_secret.get_secret_value(),
        authentication=table.authentication,
        scope=table.scope,
        parameters=table.parameters,
        body=table.body,
        timeout=table.timeout,
    )
    by_certificate = certificate if table.authentication == "tls_client_auth" else None
    signature = None if table.signature is None else _build_signature(f"{place}.signature", table.signature)
    if signature is not None and signature.covers_token:
        raise NotDeclarableError(f"{place}.signature", "there is no {access_token} before a token is fetched")
    return ClientTokens(agency, client, HttpCredential(certificate=by_certificate, signature=signature))


def _find_token_url_problem(url: str) -> str | None:
    try:
        parsed = URL(url)
    except ValueError:
        parsed = URL()
    if not parsed.host or parsed.scheme not in {"http", "https"} or parsed.user or parsed.password or parsed.fragment:
        return "write it as 'https://host/path', without user and password"
    if is_internal(parsed.host):
        return _INTERNAL
    if parsed.scheme != "https" and not is_loopback(parsed.host):
        return "the client secret would travel in plain text between machines: use https"
    return None


def _build_signature(place: str, table: SignatureTable) -> RequestSignature:
    try:
        return RequestSignature(
            key=_load_key(f"{place}.private_key", table),
            signed=table.signed,
            headers=table.headers,
            key_id=table.key_id,
            algorithm=table.algorithm,
            encoding=table.encoding,
        )
    except NotDeclarableError:
        raise
    except ValueError as error:
        name, _, problem = str(error).partition(": ")
        raise NotDeclarableError(f"{place}.{name}", problem) from None


def _load_key(place: str, table: SignatureTable) -> bytes | RsaKey:
    if table.private_key is None:
        return b"" if table.secret is None else table.secret.get_secret_value().encode()
    _require_absolute(place, table.private_key)
    try:
        return load_rsa_key(Path(table.private_key))
    except UnusableCertificate as error:
        raise NotDeclarableError(place, error.problem) from None


def _require_absolute(place: str, path: str) -> None:
    if not Path(path).is_absolute():
        raise NotDeclarableError(place, "name the file from the root: /path")
