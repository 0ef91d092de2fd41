"""How much may be asked, and how often."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, SecretStr, field_validator

from auth.caller import CallerKind
from cache.limits.people_counts import PeopleBudget
from records.hub.operations import OperationMode
from settings.reader_budgets import parse_reader_budgets
from settings.serving import ServingSettings
from settings.value_types import SpaceSeparated
from web.admission.emergency_lane import EmergencyLane, parse_lane
from web.rate_limits.rate_table import CallerRates, parse_rates

_REDIS_SCHEMES = ("redis://", "rediss://", "unix://")


class LimitSettings(ServingSettings):
    """Bounds for callers and for what they ask."""

    rates: SpaceSeparated | None = Field(
        None,
        description="How often callers may ask, and for how much: `kind:requests/points/fresh` a minute, or `off`;"
        " `off` in development, else as in limits.md.",
    )
    reader_budgets: SpaceSeparated = Field(
        (),
        description="Different people that readers may read: `kind:hour/day`, or `off`; default in limits.md.",
    )
    failed_tokens: int = Field(
        60, ge=0, description="Tokens that prove nobody which one address may send a minute; 0: any number."
    )
    redis_url: SecretStr | None = Field(
        None, description="Redis or Valkey in which all processes count together, `redis://...`; else each alone."
    )
    shed_after: int = Field(
        100,
        ge=0,
        le=10_000,
        description="Milliseconds by which the event loop may be late before requests are refused; 0: any number.",
    )
    emergency_lane: SpaceSeparated = Field(
        (),
        description="Who is refused last: `client:ISSUER/NAME`, `operation:ID`, `kind:KIND`, space-separated"
        " (overload.md).",
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
    limit_depth: int = Field(20, ge=1, le=50, description="Fields inside fields that an operation may have.")
    limit_fields: int = Field(2500, ge=1, le=10_000, description="Fields of an operation, its fragments spread out.")
    limit_breadth: int = Field(300, ge=1, description="Fields that may be selected of one object.")
    limit_aliases: int = Field(100, ge=1, description="Names under which one field of one object may be asked for.")
    limit_list_items: int = Field(2000, ge=1, description="Values in the lists of all arguments of an operation.")
    limit_calls: int = Field(200, ge=1, description="Calls to one agency that an operation may be expected to take.")
    limit_objects: int = Field(50_000, ge=1, description="Objects that an answer may hold.")

    @field_validator("rates")
    @classmethod
    def _check_rates(cls, rates: tuple[str, ...] | None) -> tuple[str, ...] | None:
        parse_rates(rates or ())
        return rates

    @property
    def rate_table(self) -> Mapping[CallerKind, CallerRates]:
        """What each kind of caller may do in a minute; empty where nobody is limited."""
        return {} if self.rates is None and self.development else parse_rates(self.rates or ())

    @field_validator("reader_budgets")
    @classmethod
    def _check_reader_budgets(cls, budgets: tuple[str, ...]) -> tuple[str, ...]:
        parse_reader_budgets(budgets)
        return budgets

    @property
    def reader_budget_table(self) -> Mapping[CallerKind, PeopleBudget]:
        """Budgets of different people by kind of reader; a kind that is not in it has no budget."""
        return parse_reader_budgets(self.reader_budgets)

    @field_validator("emergency_lane")
    @classmethod
    def _check_emergency_lane(cls, lane: tuple[str, ...]) -> tuple[str, ...]:
        parse_lane(lane)
        return lane

    @property
    def lane(self) -> EmergencyLane:
        """Who is refused last."""
        return parse_lane(self.emergency_lane)

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(_REDIS_SCHEMES):
            raise ValueError(f"the address of Redis has to begin with {', '.join(_REDIS_SCHEMES)}")
        return url

    @property
    def redis_address(self) -> str | None:
        """Where Redis is, where there is one."""
        return None if self.redis_url is None else self.redis_url.get_secret_value()
