"""Settings of issuers, sign-in, purposes, the access ledger and retention."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from auth.caller import CallerKind
from auth.policy.access_policy import DEFAULT_PURPOSES, DEFAULT_UNRESTRICTABLE, AccessPolicy, parse_purposes
from auth.tokens.development_issuer import ISSUER as DEVELOPMENT_URL
from auth.tokens.development_issuer import NAME as DEVELOPMENT_NAME
from auth.tokens.issuers import is_safe_address
from records.purposes import Purpose
from settings.serving import ServingSettings
from settings.value_types import ClientReference, Contracts, Issuers, SpaceSeparated
from store.retention.retention_policy import RetentionPolicy, parse_retention_policies
from store.retention.retention_rules import list_retention_rules

_MAX_DAYS = 3650


class PeopleSettings(ServingSettings):
    """Trusted issuers, sign-in, purposes, recording and retention of personal data."""

    issuers: Issuers = Field((), description="File of trusted token issuers (issuers.md).")
    issuer_keys: Path | None = Field(None, description="File with the public keys (JWKS) of the development issuer.")
    sign_in_issuer: str | None = Field(
        None,
        description="Issuer (by its `name`) at which people sign in to the hub's pages; without it, no pages.",
    )
    sign_in_client: str | None = Field(None, description="The `client_id` of the hub's pages at that issuer.")
    sign_in_secret: SecretStr | None = Field(
        None, description="The client secret of the pages; without it, they are a public client with PKCE only."
    )
    sign_in_scopes: SpaceSeparated = Field(
        ("openid",), description="Scopes that the pages request at sign-in, space-separated."
    )
    session_idle: int = Field(
        900, ge=60, le=86_400, description="Seconds without use after which a session of the hub's own pages ends."
    )
    session_lifetime: int = Field(
        14_400,
        ge=300,
        le=7 * 86_400,
        description="Seconds after which such a session ends in any case.",
    )
    recent_sign_in: int = Field(
        900, ge=120, le=3600, description="Maximum age in seconds of a citizen's sign-in for changes."
    )
    state_url: SecretStr = Field(description="The hub's own PostgreSQL, `postgresql://user:password@host:port/name`.")
    ledger: bool = Field(
        default=True, description="Whether every read of personal data is recorded before it is answered."
    )
    ledger_timeout: float = Field(2.0, gt=0, le=30, description="Maximum seconds that recording may delay an answer.")
    ledger_hidden: SpaceSeparated = Field(
        (), description="Purposes whose reads a person sees late, as `purpose:days`, space-separated."
    )
    retention: SpaceSeparated = Field(
        (), description="Retention in days, as `name:days` or `name/CLASS:days`, space-separated."
    )
    consent_answer_within: int = Field(
        3600,
        ge=60,
        le=7 * 86_400,
        description="Seconds in which a person can answer a partner's consent request.",
    )
    webhook_timeout: float = Field(10.0, gt=0, le=30, description="Maximum seconds for one webhook call.")
    data_tracker_client: ClientReference | None = Field(
        None,
        description="Client that may read `/v2/findUsage` (Data Tracker), as `issuer/client_id`; none if not set.",
    )
    purposes: SpaceSeparated = Field(
        DEFAULT_PURPOSES, description="Who may state which purposes: `agency:PURPOSE,PURPOSE`, `agency/role:...`."
    )
    unrestrictable: SpaceSeparated = Field(
        DEFAULT_UNRESTRICTABLE,
        description="Purposes for which data is read in spite of a person's restriction, space-separated.",
    )
    contracts: Contracts = Field(
        (),
        description="File or folder of data contracts with agencies, and their impact assessments (data-contracts.md).",
    )

    @model_validator(mode="after")
    def _check_conflicts(self) -> Self:
        faults = self.conflicts
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def conflicts(self) -> Sequence[str]:
        """Conflicts between settings that are each valid alone; empty for settings with which a hub can start."""
        return (
            *self._find_missing_issuers(),
            *self._find_exposed_development(),
            *self._find_page_conflicts(),
            *self._find_development_issuer(),
            *self._find_unbound_issuers(),
            *self._find_unknown_client_issuers(),
        )

    def _find_exposed_development(self) -> Iterator[str]:
        if self.listen_address.is_loopback:
            return
        exposure_text = f"SIMPUL_LISTEN lets other machines reach the hub at {self.listen}"
        if self.development:
            yield (
                f"{exposure_text}, which shows them the graph and errors: unset SIMPUL_DEVELOPMENT, "
                "or listen on 127.0.0.1"
            )
        if self.issuer_keys is not None:
            yield (
                f"{exposure_text}, and development tokens prove no identity: unset SIMPUL_ISSUER_KEYS and name issuers "
                "in SIMPUL_ISSUERS, or listen on 127.0.0.1"
            )

    def _find_missing_issuers(self) -> Iterator[str]:
        if not self.issuers and self.issuer_keys is None:
            yield (
                "SIMPUL_ISSUERS is not set: no caller can be authenticated. Name a file of issuers, "
                "or set SIMPUL_ISSUER_KEYS for development tokens."
            )

    def _find_development_issuer(self) -> Iterator[str]:
        """With a file of the sandbox, the development issuer can sign a token for any caller."""
        if self.issuer_keys is not None and any(each.name == DEVELOPMENT_NAME for each in self.issuers):
            yield (
                f"SIMPUL_ISSUERS holds an issuer with the name '{DEVELOPMENT_NAME}', like the development issuer: "
                "rename it, or their clients are the same"
            )
        if self.development:
            return
        if self.issuer_keys is not None:
            yield (
                "SIMPUL_ISSUER_KEYS: the private key of the development issuer can sign a token for any caller; unset "
                "it, or set SIMPUL_DEVELOPMENT, for sample data only"
            )
        if any(each.url == DEVELOPMENT_URL for each in self.issuers):
            yield (
                f"SIMPUL_ISSUERS holds the development issuer (url '{DEVELOPMENT_URL}'), whose tokens can name "
                "any caller: remove it"
            )

    def _find_unbound_issuers(self) -> Iterator[str]:
        if self.development:
            return
        for each in self.issuers:
            for fault in each.missing_bounds:
                yield f"SIMPUL_ISSUERS: the issuer '{each.name}' is not bound: {fault} (issuers.md)"

    def _find_unknown_client_issuers(self) -> Iterator[str]:
        known = {each.name for each in self.issuers} | ({DEVELOPMENT_NAME} if self.issuer_keys is not None else set())
        client = self.data_tracker_client
        if client is not None and client.issuer not in known:
            yield (
                f"SIMPUL_DATA_TRACKER_CLIENT names a client of the issuer '{client.issuer}', which SIMPUL_ISSUERS does "
                "not hold: write 'issuer/client_id' with the issuer by its name there"
            )

    def _find_page_conflicts(self) -> Iterator[str]:
        address, issuer = self.public_url, self.sign_in_issuer
        if address is not None and not is_safe_address(address):
            yield (
                "SIMPUL_PUBLIC_URL: personal data must not travel in plain text; write it as 'https://name' (http on "
                "the loopback address alone)"
            )
        if issuer is None:
            return
        named = next((each for each in self.issuers if each.name == issuer), None)
        if named is None or named.keys is not None or CallerKind.CITIZEN not in named.kinds:
            yield (
                f"SIMPUL_SIGN_IN_ISSUER names '{issuer}', at which no citizen can sign in: name an entry of "
                "SIMPUL_ISSUERS without a file of keys, whose kinds hold 'citizen'"
            )
        if self.sign_in_client is None or "openid" not in self.sign_in_scopes:
            yield (
                "people sign in to the hub's pages by SIMPUL_SIGN_IN_CLIENT, with 'openid' in SIMPUL_SIGN_IN_SCOPES: "
                "set both"
            )
        if address is None and not self.development:
            yield "SIMPUL_PUBLIC_URL is not set: people who sign in to the hub's pages could not be sent back to them"
        if self.session_idle > self.session_lifetime:
            yield (
                f"SIMPUL_SESSION_IDLE is {self.session_idle} and SIMPUL_SESSION_LIFETIME is {self.session_lifetime}: "
                "a session cannot be idle for longer than it lasts; lower the first or raise the second"
            )

    @field_validator("ledger_hidden")
    @classmethod
    def _check_ledger_hidden(cls, hidden: tuple[str, ...]) -> tuple[str, ...]:
        for each in hidden:
            purpose, _, days = each.rpartition(":")
            if not purpose or not days.isdecimal() or not 1 <= int(days) <= _MAX_DAYS:
                raise ValueError(
                    f"'{each}' is not a purpose with days: write it as `investigation:90`, 1 to {_MAX_DAYS} days"
                )
        return hidden

    @property
    def disclosure_delays(self) -> Mapping[str, timedelta]:
        """By purpose: for how long reads are hidden from the person."""
        parted = (each.rpartition(":") for each in self.ledger_hidden)
        return {purpose: timedelta(days=int(days)) for purpose, _, days in parted}

    @field_validator("retention")
    @classmethod
    def _check_retention(cls, retention: tuple[str, ...]) -> tuple[str, ...]:
        parse_retention_policies(retention, list_retention_rules())
        return retention

    @property
    def retention_policies(self) -> Mapping[str, RetentionPolicy]:
        """Retention by name."""
        return parse_retention_policies(self.retention, list_retention_rules())

    @field_validator("purposes")
    @classmethod
    def _check_purposes(cls, purposes: tuple[str, ...]) -> tuple[str, ...]:
        parse_purposes(purposes)
        return purposes

    @field_validator("unrestrictable")
    @classmethod
    def _check_unrestrictable(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in names if name not in Purpose.__members__]
        if unknown:
            raise ValueError(f"'{unknown[0]}' is not a purpose; choose one of {', '.join(Purpose.__members__)}")
        return names

    @property
    def policy(self) -> AccessPolicy:
        """Who may state which purpose, and which purposes a restriction cannot stop."""
        return AccessPolicy(
            purposes=parse_purposes(self.purposes),
            unrestrictable=frozenset(Purpose[name] for name in self.unrestrictable),
            recent_sign_in_seconds=self.recent_sign_in,
        )
