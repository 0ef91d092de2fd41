"""Everything an operator can set: environment variables `SIMPUL_...`, checked once at start."""

from __future__ import annotations

import os
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, IPvAnyAddress, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from auth.caller import CallerKind
from auth.data_contracts import DataContract, contracts_of
from auth.issuers import Issuer, is_safe_address, issuers_of
from auth.policy import DEFAULT_PURPOSES, DEFAULT_UNRESTRICTABLE, Policy, purposes_from
from cache.shared import SCHEMES
from connectors.policies.terms import AgencyTerms, Terms, agency_terms
from engine.limits import Limits
from records.operations import OperationMode
from records.purposes import Purpose
from store.purging import Keeping, keeping_from
from store.retained import retained
from web.rate_table import CallerRates, rates_from
from web.settings import Exposure, WebSettings

ELSEWHERE = frozenset({"SIMPUL_STATE"})
"""Variables that belong to the command line, not to the hub."""

AT_ONCE: Mapping[str, int] = {"dukcapil": 8, "jakpreneur": 8, "pbb": 32, "crm": 32, "pangan": 32}
"""Calls to an agency under way at a time where its terms do not say it: connections to a database, or over HTTP."""

_SECRET_BYTES = 32
_MOST_DAYS = 3650


def _words(value: object) -> object:
    return tuple(value.split()) if isinstance(value, str) else value


def _issuers(value: object) -> object:
    return issuers_of(Path(value)) if isinstance(value, (str, Path)) else value


def _agencies(value: object) -> object:
    return agency_terms(Path(value)) if isinstance(value, (str, Path)) else value


def _contracts(value: object) -> object:
    return contracts_of(Path(value)) if isinstance(value, (str, Path)) else value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
"""Several values, separated by spaces."""
Addresses = Annotated[tuple[IPvAnyAddress, ...], NoDecode, BeforeValidator(_words)]
"""Several IP addresses, separated by spaces."""
Issuers = Annotated[tuple[Issuer, ...], NoDecode, BeforeValidator(_issuers)]
"""Given as the path of a file, which is read at once."""
TermsFile = Annotated[AgencyTerms, NoDecode, BeforeValidator(_agencies)]
"""Given as the path of a file, which is read at once."""
Contracts = Annotated[tuple[DataContract, ...], NoDecode, BeforeValidator(_contracts)]
"""Given as the path of a file or a folder, which is read at once."""
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$", max_length=100)]


class Settings(BaseSettings):
    """The hub's settings. Frozen; unknown names are refused; secrets are masked wherever they are printed."""

    model_config = SettingsConfigDict(env_prefix="SIMPUL_", frozen=True, extra="forbid", hide_input_in_errors=True)

    development: bool = Field(default=False, description="Turns on GraphiQL, introspection and name suggestions.")
    public_url: str | None = Field(
        None, pattern=r"^https?://[^/?#@]+$", description="Address by which people's browsers reach the hub."
    )
    port: int = Field(8000, ge=1, le=65535, description="Where the hub listens, on the loopback address only.")
    secret: SecretStr = Field(description="At least 32 random bytes in base64; seals node ids and keys digests.")
    issuers: Issuers = Field((), description="File that says whose tokens are believed (issuers.md).")
    issuer_keys: Path | None = Field(None, description="File with the public keys (JWKS) of the development issuer.")
    certificate_header: HeaderName | None = Field(
        None, description="Header in which the TLS terminator tells the client's certificate."
    )
    trusted_proxies: Addresses = Field(
        (),
        description="IP addresses of proxies, space-separated: they are believed about that header, as this machine is,"
        " and about X-Forwarded-For.",
    )
    sign_in_issuer: str | None = Field(
        None, description="Issuer (by its `name`) at which people sign in to the hub's own pages; else there are none."
    )
    sign_in_client: str | None = Field(None, description="The hub's pages as that issuer knows them (`client_id`).")
    sign_in_secret: SecretStr | None = Field(
        None, description="Their secret; without it they are a public client, proven by PKCE alone."
    )
    sign_in_scopes: Words = Field(
        ("openid",), description="Scopes that are asked for when people sign in, space-separated."
    )
    state_url: SecretStr = Field(description="The hub's own PostgreSQL, `postgresql://user:password@host:port/name`.")
    request_timeout: float = Field(20.0, gt=0, le=120, description="Seconds the hub works on one request.")
    agency_timeout: float = Field(5.0, gt=0, le=60, description="Seconds one call to an agency may take.")
    agencies: TermsFile | None = Field(None, description="File with the terms of each agency (agencies.md).")
    introspection: Exposure | None = Field(
        None, description="Who may query the schema: `off`, `signed-in` or `on`; `on` in development, else `off`."
    )
    graphiql: Exposure | None = Field(
        None, description="Who may use `/graphiql`: `off`, `signed-in` or `on`; `on` in development, else `off`."
    )
    rates: Words | None = Field(
        None,
        description="How often callers may ask, and for how much: `kind:requests/points` a minute, or `off`;"
        " `off` in development, else as in limits.md.",
    )
    failed_tokens: int = Field(
        60, ge=0, description="Tokens that prove nobody which one address may send a minute; 0: any number."
    )
    redis_url: SecretStr | None = Field(
        None, description="Redis or Valkey in which all processes count together, `redis://...`; else each alone."
    )
    first_party_operations: OperationMode = Field(
        OperationMode.OFF,
        description="How far callers without a client are held to registered operations: `off`, `log-unknown`,"
        " `safelist` or `ids-only`.",
    )
    agency_system_operations: OperationMode = Field(
        OperationMode.IDS_ONLY,
        description="The same for systems of agencies that have no contract.",
    )
    automatic_operations: bool = Field(
        default=True, description="Whether first-party frontends may have texts kept by their hash (Apollo's APQ)."
    )
    public_max_age: int = Field(
        60, ge=0, le=86_400, description="Seconds for which anybody may keep a GET's answer of public data; 0: none."
    )
    allowed_origins: Words = Field((), description="Origins whose pages may read answers (CORS), space-separated.")
    max_body_bytes: int = Field(1024 * 1024, ge=1024, description="Largest request body, in bytes.")
    limit_depth: int = Field(20, ge=1, le=50, description="Fields inside fields that an operation may have.")
    limit_fields: int = Field(2500, ge=1, le=10_000, description="Fields of an operation, its fragments spread out.")
    limit_breadth: int = Field(300, ge=1, description="Fields that may be selected of one object.")
    limit_aliases: int = Field(100, ge=1, description="Names under which one field of one object may be asked for.")
    limit_list_items: int = Field(2000, ge=1, description="Values in the lists of all arguments of an operation.")
    limit_calls: int = Field(200, ge=1, description="Calls to one agency that an operation may be expected to take.")
    limit_objects: int = Field(50_000, ge=1, description="Objects that an answer may hold.")
    ledger: bool = Field(
        default=True, description="Whether every read of personal data is recorded before it is answered."
    )
    ledger_patience: float = Field(2.0, gt=0, le=30, description="Seconds an answer waits until it is recorded.")
    ledger_hidden: Words = Field(
        (), description="Purposes whose reads a person is told late, as `purpose:days`, space-separated."
    )
    retention: Words = Field(
        (), description="Days for which things are kept, as `name:days` or `name/CLASS:days`, space-separated."
    )
    consent_answer_within: int = Field(
        3600, ge=60, le=7 * 86_400, description="Seconds within which a partner's request for consent can be answered."
    )
    webhook_timeout: float = Field(10.0, gt=0, le=30, description="Seconds a partner's webhook may take.")
    data_tracker_client: str | None = Field(
        None, description="Client that may read `/v2/findUsage` (Data Tracker); nobody where it is not set."
    )
    kept_megabytes: int = Field(
        64, ge=0, le=65_536, description="Memory for answers that a process keeps, in MiB; 0 to keep none at all."
    )
    former_secrets: SecretStr | None = Field(
        None, description="Earlier values of `SIMPUL_SECRET`, space-separated: what was sealed with them still opens."
    )
    purposes: Words = Field(
        DEFAULT_PURPOSES, description="Who may state which purposes: `agency:PURPOSE,PURPOSE`, `agency/role:...`."
    )
    unrestrictable: Words = Field(
        DEFAULT_UNRESTRICTABLE,
        description="Purposes for which data is read though the person restricted that, space-separated.",
    )
    contracts: Contracts = Field(
        (), description="File or folder of data contracts with agencies, and their impact assessments (contracts.md)."
    )
    known_nik: SecretStr | None = Field(None, description="A person every agency knows, for `simpul agencies check`.")

    dukcapil_url: SecretStr = Field(description="Population register, `postgresql://...`.")
    jakpreneur_url: SecretStr = Field(description="Small businesses, `mysql://...` or `sqlite:///path`.")
    pbb_url: str = Field(description="Property tax, address of the SOAP service.")
    pbb_user: str = Field(description="User of the property tax service.")
    pbb_password: SecretStr = Field(description="Password of the property tax service.")
    pbb_at_once: int = Field(8, ge=1, le=64, description="Calls to the property tax service side by side.")
    crm_url: str = Field(description="Complaint system, base address of its Open311 interface.")
    crm_key: SecretStr = Field(description="API key of the complaint system.")
    crm_reporter_extension: bool = Field(
        default=True, description="Whether the complaint system can be asked by reporter; else the link table is used."
    )
    pangan_url: str = Field(description="Food prices, base address.")
    pangan_key: SecretStr = Field(description="API key of the food price service.")
    pangan_rate: float = Field(1.0, gt=0, le=1000, description="Calls a second the food price service allows.")
    pangan_burst: int = Field(3, ge=1, description="Calls the food price service allows at once.")

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown(cls, given: Any) -> Any:  # noqa: ANN401 - pydantic's signature
        known = {f"SIMPUL_{name.upper()}" for name in cls.model_fields} | ELSEWHERE
        unknown = sorted(
            name for name in os.environ if name.upper().startswith("SIMPUL_") and name.upper() not in known
        )
        if unknown:
            raise ValueError(f"{unknown[0]} is no setting of the hub. Correct its name or unset it.")
        return given

    @field_validator("secret")
    @classmethod
    def _long_enough(cls, secret: SecretStr) -> SecretStr:
        try:
            length = len(b64decode(secret.get_secret_value(), validate=True))
        except ValueError:
            length = 0
        if length < _SECRET_BYTES:
            raise ValueError("the secret must hold at least 32 bytes in base64: `openssl rand -base64 32` makes one")
        return secret

    @model_validator(mode="after")
    def _somebody_can_sign_in(self) -> Self:
        if not self.issuers and self.issuer_keys is None:
            raise ValueError(
                "SIMPUL_ISSUERS is not set: nobody could prove who they are. Name a file of issuers, "
                "or set SIMPUL_ISSUER_KEYS for development tokens."
            )
        return self

    @model_validator(mode="after")
    def _pages_can_be_reached(self) -> Self:
        address, issuer = self.public_url, self.sign_in_issuer
        if address is not None and not is_safe_address(address):
            raise ValueError(
                "SIMPUL_PUBLIC_URL: people's data must not travel in the clear; write it as 'https://name' (http on "
                "the loopback address alone)"
            )
        if issuer is None:
            return self
        named = next((each for each in self.issuers if each.name == issuer), None)
        if named is None or named.keys is not None or CallerKind.CITIZEN not in named.kinds:
            raise ValueError(
                f"SIMPUL_SIGN_IN_ISSUER names '{issuer}', at which no citizen can sign in: name an entry of "
                "SIMPUL_ISSUERS without a file of keys, whose kinds hold 'citizen'"
            )
        if self.sign_in_client is None or "openid" not in self.sign_in_scopes:
            raise ValueError(
                "people sign in to the hub's pages by SIMPUL_SIGN_IN_CLIENT, with 'openid' in SIMPUL_SIGN_IN_SCOPES: "
                "set both"
            )
        if address is None and not self.development:
            raise ValueError(
                "SIMPUL_PUBLIC_URL is not set: people who sign in to the hub's pages could not be sent back to them"
            )
        return self

    @field_validator("ledger_hidden")
    @classmethod
    def _purposes_and_days(cls, hidden: tuple[str, ...]) -> tuple[str, ...]:
        for each in hidden:
            purpose, _, days = each.rpartition(":")
            if not purpose or not days.isdecimal() or not 1 <= int(days) <= _MOST_DAYS:
                raise ValueError(
                    f"'{each}' is no purpose with days: write it as `investigation:90`, 1 to {_MOST_DAYS} days"
                )
        return hidden

    @field_validator("retention")
    @classmethod
    def _known_days(cls, retention: tuple[str, ...]) -> tuple[str, ...]:
        keeping_from(retention, retained())
        return retention

    @property
    def keeping(self) -> Mapping[str, Keeping]:
        """By name: how long it is kept."""
        return keeping_from(self.retention, retained())

    @property
    def hidden_for(self) -> Mapping[str, timedelta]:
        """By purpose: how long a person is not told who read."""
        parted = (each.rpartition(":") for each in self.ledger_hidden)
        return {purpose: timedelta(days=int(days)) for purpose, _, days in parted}

    @field_validator("purposes")
    @classmethod
    def _known_purposes(cls, purposes: tuple[str, ...]) -> tuple[str, ...]:
        purposes_from(purposes)
        return purposes

    @field_validator("unrestrictable")
    @classmethod
    def _purposes_there_are(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in names if name not in Purpose.__members__]
        if unknown:
            raise ValueError(f"'{unknown[0]}' is no purpose; choose of {', '.join(Purpose.__members__)}")
        return names

    @property
    def policy(self) -> Policy:
        """Who may state which purpose, and what nobody can restrict."""
        return Policy(
            purposes=purposes_from(self.purposes),
            unrestrictable=frozenset(Purpose[name] for name in self.unrestrictable),
        )

    @field_validator("rates")
    @classmethod
    def _known_kinds(cls, rates: tuple[str, ...] | None) -> tuple[str, ...] | None:
        rates_from(rates or ())
        return rates

    @field_validator("redis_url")
    @classmethod
    def _known_scheme(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(SCHEMES):
            raise ValueError(f"the address of Redis has to begin with {', '.join(SCHEMES)}")
        return url

    @property
    def rate_table(self) -> Mapping[CallerKind, CallerRates]:
        """What each kind of caller may do in a minute; empty where nobody is limited."""
        return {} if self.rates is None and self.development else rates_from(self.rates or ())

    @field_validator("former_secrets")
    @classmethod
    def _each_long_enough(cls, secrets: SecretStr | None) -> SecretStr | None:
        for each in secrets.get_secret_value().split() if secrets is not None else ():
            cls._long_enough(SecretStr(each))
        return secrets

    @property
    def former_secrets_bytes(self) -> Sequence[bytes]:
        """Earlier secrets, decoded."""
        given = self.former_secrets
        return () if given is None else tuple(b64decode(each) for each in given.get_secret_value().split())

    @property
    def redis_address(self) -> str | None:
        """Where Redis is, where there is one."""
        return None if self.redis_url is None else self.redis_url.get_secret_value()

    @property
    def own_url(self) -> str:
        """The address by which people's browsers reach the hub; without a setting, on this machine."""
        return self.public_url or f"http://127.0.0.1:{self.port}"

    @property
    def secret_bytes(self) -> bytes:
        """The hub's secret, decoded."""
        return b64decode(self.secret.get_secret_value())

    @property
    def shows_schema(self) -> Exposure:
        """Who may query the schema."""
        return self._exposure(self.introspection)

    def _exposure(self, given: Exposure | None) -> Exposure:
        if given is not None:
            return given
        return Exposure.ON if self.development else Exposure.OFF

    def terms(self, agency: str) -> Terms:
        """How an agency may be asked: what the file says, then the agency's own settings, then the defaults."""
        given: Terms = getattr(self.agencies or AgencyTerms(), agency)
        pace = {"rate": self.pangan_rate, "burst": self.pangan_burst} if agency == "pangan" and not given.rate else {}
        return given.or_else(deadline=self.agency_timeout, at_once=AT_ONCE[agency], **pace)

    @property
    def _hosts(self) -> tuple[str, ...]:
        """The names of this machine, and the hub's public one."""
        usual = WebSettings().allowed_hosts
        named = urlsplit(self.public_url or "").hostname
        return usual if named is None or named in usual else (*usual, named)

    @property
    def limits(self) -> Limits:
        """What an operation may ask for. No more of an agency that is paced than it can answer within one request."""
        paced = ((agency, self.terms(agency)) for agency in AT_ONCE)
        within = {
            agency: (terms.burst or ceil(terms.rate)) + int(terms.rate * self.request_timeout)
            for agency, terms in paced
            if terms.rate
        }
        return Limits(
            depth=self.limit_depth,
            fields=self.limit_fields,
            breadth=self.limit_breadth,
            aliases=self.limit_aliases,
            list_items=self.limit_list_items,
            calls=self.limit_calls,
            calls_to=within,
            objects=self.limit_objects,
        )

    @property
    def web(self) -> WebSettings:
        """What concerns HTTP."""
        return WebSettings(
            request_timeout=self.request_timeout,
            max_body_bytes=self.max_body_bytes,
            allowed_hosts=self._hosts,
            allowed_origins=self.allowed_origins,
            certificate_header=self.certificate_header,
            trusted_proxies=tuple(str(each) for each in self.trusted_proxies),
            public_max_age=self.public_max_age,
            graphiql=self._exposure(self.graphiql),
            development=self.development,
        )
