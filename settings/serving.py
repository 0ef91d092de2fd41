"""Settings of HTTP and of the hub as a whole."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from settings.value_types import HeaderName, ListenText, Networks, Secret, Secrets, SpaceSeparated
from web.server.listen_address import ListenAddress
from web.settings import Exposure, WebSettings


class ServingSettings(BaseSettings):
    """Addresses, secrets and HTTP behaviour of the hub."""

    model_config = SettingsConfigDict(env_prefix="SIMPUL_", frozen=True, extra="forbid", hide_input_in_errors=True)

    development: bool = Field(
        default=False, description="Turns on GraphiQL, introspection, name suggestions, and loopback origins (CORS)."
    )
    public_url: str | None = Field(
        None, pattern=r"^https?://[^/?#@]+$", description="Address by which people's browsers reach the hub."
    )
    listen: ListenText = Field(
        "127.0.0.1:8000", description="IP address and port on which the hub listens; `0.0.0.0` or `[::]` for all."
    )
    secret: Secret = Field(description="At least 32 random bytes in base64; seals node ids and keys digests.")
    former_secrets: Secrets | None = Field(
        None, description="Earlier values of `SIMPUL_SECRET`, space-separated: what was sealed with them still opens."
    )
    certificate_header: HeaderName | None = Field(
        None, description="Header in which the TLS terminator passes the client's certificate."
    )
    trusted_proxies: Networks = Field(
        (),
        description="IP addresses or networks of proxies, space-separated, that are trusted for X-Forwarded-For and"
        " that header; a hub on the loopback only also trusts its own machine for that header.",
    )
    request_timeout: float = Field(20.0, gt=0, le=120, description="Maximum seconds for one request.")
    introspection: Exposure | None = Field(
        None, description="Who may query the schema: `off`, `signed-in` or `on`; `on` in development, else `off`."
    )
    graphiql: Exposure | None = Field(
        None, description="Who may use `/graphiql`: `off`, `signed-in` or `on`; `on` in development, else `off`."
    )
    public_max_age: int = Field(
        60,
        ge=0,
        le=86_400,
        description="Seconds for which caches may store GET answers of public data; 0: none.",
    )
    allowed_origins: SpaceSeparated = Field(
        (),
        description="Origins whose pages may read answers (CORS), space-separated; in development also loopback ones.",
    )
    max_body_bytes: int = Field(1024 * 1024, ge=1024, description="Largest request body, in bytes.")
    max_upload_bytes: int = Field(
        64 * 1024 * 1024, ge=1024, description="Largest request body with files (photos), in bytes."
    )
    upload_timeout: float = Field(
        120.0, gt=0, le=900, description="Seconds within which a request body with files must arrive."
    )
    photo_store_megabytes: int = Field(
        2048,
        ge=0,
        le=1_000_000,
        description="Maximum size of the stored photos that wait for their agency.",
    )
    workers: int | None = Field(
        None, ge=1, le=64, description="Worker processes of `simpul hub`; default: one per processor, 2 to 8."
    )
    hubs: int = Field(
        1,
        ge=1,
        le=64,
        description="Number of hubs that call the agencies; they share each agency's `sessions` and, without Redis,"
        " the budgets of readers.",
    )
    run_folder: Path | None = Field(
        None, description="Folder through which the processes of one hub share their state; without it, each is alone."
    )

    metrics_token: Secret | None = Field(
        None,
        description="Token of Prometheus for `/metrics`, base64; without it, there is no `/metrics`.",
    )
    status_page: bool = Field(default=True, description="Whether `/status` publicly shows the state of the agencies.")

    @property
    def process_count(self) -> int:
        """The processes that call agencies, of all hubs. During a reload, new workers run beside the old ones."""
        return self.hubs * (2 * self.workers if self.workers else 1)

    @property
    def base_url(self) -> str:
        """The address by which people's browsers reach the hub; by default, the listen address on this machine."""
        return self.public_url or self.listen_address.local_url

    @property
    def listen_address(self) -> ListenAddress:
        """The address on which the hub listens."""
        return ListenAddress.parse(self.listen)

    @property
    def port(self) -> int:
        """The port on which the hub listens."""
        return self.listen_address.port

    @property
    def secret_bytes(self) -> bytes:
        """The hub's secret, decoded."""
        return b64decode(self.secret.get_secret_value())

    @property
    def former_secrets_bytes(self) -> Sequence[bytes]:
        """Earlier secrets, decoded."""
        given = self.former_secrets
        return () if given is None else tuple(b64decode(each) for each in given.get_secret_value().split())

    @property
    def schema_exposure(self) -> Exposure:
        """The callers that may query the schema."""
        return self._get_exposure(self.introspection)

    def _get_exposure(self, given: Exposure | None) -> Exposure:
        if given is not None:
            return given
        return Exposure.ON if self.development else Exposure.OFF

    @property
    def _allowed_hosts(self) -> tuple[str, ...]:
        """Host names of this machine, the listen address, and the public name."""
        usual, own = WebSettings().allowed_hosts, self.listen_address
        named = urlsplit(self.public_url or "").hostname
        address = None if own.ip.is_unspecified else own.host
        return (*usual, *dict.fromkeys(each for each in (address, named) if each is not None and each not in usual))

    @property
    def web(self) -> WebSettings:
        """The settings of the web layer."""
        return WebSettings(
            request_timeout=self.request_timeout,
            max_body_bytes=self.max_body_bytes,
            max_upload_bytes=self.max_upload_bytes,
            upload_timeout=self.upload_timeout,
            allowed_hosts=self._allowed_hosts,
            allowed_origins=self.allowed_origins,
            allows_loopback_origins=self.development,
            certificate_header=self.certificate_header,
            trusted_proxies=tuple(
                str(each.network_address if each.num_addresses == 1 else each) for each in self.trusted_proxies
            ),
            trusts_loopback=self.listen_address.is_loopback,
            public_max_age=self.public_max_age,
            graphiql=self._get_exposure(self.graphiql),
            development=self.development,
        )
