"""The table `[wire]` of a service over HTTP, whatever it speaks: its address, and the hub's credential there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr, model_validator

from connectors.declared.tables import ManifestTable, WireTable
from connectors.drivers.http.credentials.client_certificate import CertificateFiles, UnusableCertificate
from connectors.drivers.http.credentials.client_tokens import ClientAuthentication
from connectors.drivers.http.credentials.request_signature import Algorithm, Encoding


class SignatureTable(ManifestTable):
    """A signature with a shared secret (HMAC) or a private key (RSA), made for each attempt."""

    secret: SecretStr | None = Field(default=None, description="the shared secret, for a signature by HMAC")
    private_key: str | None = Field(
        default=None,
        description="or the path of the hub's private RSA key, unencrypted, in PEM, for a signature by PKCS #1 v1.5",
    )
    key_id: str = Field(default="", max_length=200, description="name of the secret or key, for `{key_id}`")
    signed: str = Field(min_length=1, max_length=1000, description="the text that is signed, with parts in braces")
    headers: Mapping[str, str] = Field(min_length=1, description="headers; one holds `{signature}`")
    algorithm: Algorithm = Field(default="sha256", description="`sha256`, `sha384`, `sha512` or, by HMAC, `sha1`")
    encoding: Encoding = Field(default="hex", description="of the signature: `hex` or `base64`")

    @model_validator(mode="after")
    def _check_key(self) -> Self:
        if (self.secret is None) == (self.private_key is None):
            raise ValueError("secret: give it, or private_key")
        if self.private_key is not None and self.algorithm == "sha1":
            raise ValueError("algorithm: sha1 is not safe with a private key; take sha256")
        return self


class Oauth2Table(ManifestTable):
    """Access tokens by OAuth 2.0 client credentials."""

    token_url: str = Field(description="token endpoint, `https://...`")
    client_id: str = Field(min_length=1, description="the hub's name there")
    client_secret: SecretStr | None = Field(default=None, description="its secret")
    authentication: ClientAuthentication = Field(
        default="client_secret_basic",
        description="how the hub proves itself there: `client_secret_basic` (header), `client_secret_post` (form),"
        " `tls_client_auth` (client certificate) or `signature`",
    )
    scope: str = Field(default="", max_length=1000, description="scopes, separated by spaces")
    parameters: Mapping[str, str] = Field(default={}, description="further fields of the form, such as `audience`")
    body: Mapping[str, Any] | None = Field(default=None, description="JSON object in place of the form")
    signature: SignatureTable | None = Field(
        default=None, description='table: the signature of a fetch, for authentication = "signature"'
    )
    timeout: float = Field(default=5.0, gt=0, le=60, description="seconds for one fetch of a token")

    @model_validator(mode="after")
    def _check_secret(self) -> Self:
        if (self.client_secret is None) != (self.authentication in {"tls_client_auth", "signature"}):
            raise ValueError("client_secret: give it, or set authentication = 'tls_client_auth' or 'signature'")
        if (self.signature is None) != (self.authentication != "signature"):
            raise ValueError("signature: this table belongs to authentication = 'signature'; give both or none")
        if self.body is not None and (self.scope or self.parameters or self.authentication == "client_secret_post"):
            raise ValueError("body: it replaces the form; write its members here, and remove the other keys")
        return self


class CertificateTable(ManifestTable):
    """A client certificate (mutual TLS)."""

    file: str = Field(description="path of the certificate and its intermediates, in PEM")
    key: str = Field(description="path of its private key, unencrypted, in PEM")

    @property
    def files(self) -> CertificateFiles:
        """The files."""
        return CertificateFiles(certificate=Path(self.file), key=Path(self.key))


class CredentialTable(ManifestTable):
    """The hub's credential at a service over HTTP. Its parts can be combined."""

    headers: Mapping[str, SecretStr] = Field(default={}, description="headers of every call, such as an API key")
    query: Mapping[str, SecretStr] = Field(default={}, description="parameters of every query")
    form: Mapping[str, SecretStr] = Field(default={}, description="fields of every form")
    body: Mapping[str, SecretStr] = Field(default={}, description="members of every JSON body")
    oauth2: Oauth2Table | None = Field(default=None, description="table: access tokens by client credentials")
    signature: SignatureTable | None = Field(default=None, description="table: a signature of each attempt")
    certificate: CertificateTable | None = Field(default=None, description="table: client certificate (mutual TLS)")
    expires_on: date | None = Field(default=None, description="day on which a key above expires, if it does")

    @property
    def expires_at(self) -> float | None:
        """The end of the day before it expires, in seconds since 1970."""
        return None if self.expires_on is None else datetime.combine(self.expires_on, time(), UTC).timestamp()


class ServiceWire(WireTable):
    """A service over HTTP."""

    credential: CredentialTable = Field(default=CredentialTable(), description="table: what the hub proves itself with")
    plain_http: bool = Field(
        default=False,
        description="`true` lets the hub call another machine over `http://`, where others on the way can read and"
        " change everything",
    )

    def find_expiries(self) -> Mapping[str, timedelta]:
        """The time until each part of the credential expires, by its place. Files that cannot be used are left out."""
        found = {}
        now = datetime.now(UTC).timestamp()
        if self.credential.expires_at is not None:
            found["wire.credential.expires_on"] = timedelta(seconds=self.credential.expires_at - now)
        if self.credential.certificate is not None:
            try:
                expiry = self.credential.certificate.files.read_expiry()
            except UnusableCertificate:  # a problem, which is reported elsewhere
                return found
            found["wire.credential.certificate.file"] = timedelta(seconds=expiry - now)
        return found
