"""Settings of limits: rates, budgets, load shedding, registered operations and operation size."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, SecretStr, field_validator

from auth.caller import CallerKind
from cache.limits.people_counts import PeopleBudget
from cache.redis_server import DEFAULT_TIMEOUT, RedisServer
from records.hub.operations import OperationMode
from settings.reader_budgets import parse_reader_budgets
from settings.serving import ServingSettings
from settings.value_types import SpaceSeparated
from web.admission.emergency_lane import EmergencyLane, parse_lane
from web.rate_limits.rate_table import CallerRates, parse_rates

_REDIS_SCHEMES = ("redis://", "rediss://", "unix://")


class LimitSettings(ServingSettings):
    """Limits on callers and operations."""

    rates: SpaceSeparated | None = Field(
        None,
        description="Limits by kind of caller, per minute: `kind:requests/points/fresh`, or `off`;"
        " `off` in development, else as in limits.md.",
    )
    reader_budgets: SpaceSeparated = Field(
        (),
        description="Different people that a reader may read: `kind:hour/day`, or `off`; default in limits.md.",
    )
    failed_tokens: int = Field(
        60, ge=0, description="Invalid tokens that one address may send per minute; 0: no limit."
    )
    redis_url: SecretStr | None = Field(
        None, description="Redis or Valkey that all processes share, `redis://...`; without it, each counts alone."
    )
    redis_timeout: float = Field(
        DEFAULT_TIMEOUT,
        gt=0,
        le=5,
        description="Seconds after which Redis counts as unavailable: each process counts and caches alone.",
    )
    shed_after: int = Field(
        100,
        ge=0,
        le=10_000,
        description="Milliseconds by which the event loop may lag before requests are refused; 0: no limit.",
    )
    emergency_lane: SpaceSeparated = Field(
        (),
        description="Callers and operations that are refused last under overload: `client:ISSUER/NAME`, `operation:ID`,"
        " `kind:KIND`, space-separated (overload.md).",
    )
    first_party_operations: OperationMode = Field(
        OperationMode.OFF,
        description="Which operations callers without a client may run: `off` (all), `log-unknown`,"
        " `safelist` or `ids-only`.",
    )
    agency_system_operations: OperationMode = Field(
        OperationMode.IDS_ONLY,
        description="The same for systems of agencies that have no contract.",
    )
    automatic_operations: bool = Field(
        default=True, description="Whether first-party frontends may use automatic persisted queries (Apollo's APQ)."
    )
    limit_depth: int = Field(20, ge=1, le=50, description="Maximum nesting depth of the fields of an operation.")
    limit_fields: int = Field(2500, ge=1, le=10_000, description="Maximum fields of an operation, fragments expanded.")
    limit_breadth: int = Field(300, ge=1, description="Maximum fields selected on one object.")
    limit_aliases: int = Field(100, ge=1, description="Maximum aliases of one field on one object.")
    limit_list_items: int = Field(2000, ge=1, description="Maximum values in all list arguments of an operation.")
    limit_calls: int = Field(200, ge=1, description="Maximum estimated calls to one agency for one operation.")
    limit_objects: int = Field(50_000, ge=1, description="Maximum objects in an answer.")

    @field_validator("rates")
    @classmethod
    def _check_rates(cls, rates: tuple[str, ...] | None) -> tuple[str, ...] | None:
        parse_rates(rates or ())
        return rates

    @property
    def rate_table(self) -> Mapping[CallerKind, CallerRates]:
        """Limits per minute by kind of caller; empty if no caller is limited."""
        return {} if self.rates is None and self.development else parse_rates(self.rates or ())

    @field_validator("reader_budgets")
    @classmethod
    def _check_reader_budgets(cls, budgets: tuple[str, ...]) -> tuple[str, ...]:
        parse_reader_budgets(budgets)
        return budgets

    @property
    def reader_budget_table(self) -> Mapping[CallerKind, PeopleBudget]:
        """Budgets of different people by kind of reader; a kind without an entry has no budget."""
        return parse_reader_budgets(self.reader_budgets)

    @field_validator("emergency_lane")
    @classmethod
    def _check_emergency_lane(cls, lane: tuple[str, ...]) -> tuple[str, ...]:
        parse_lane(lane)
        return lane

    @property
    def lane(self) -> EmergencyLane:
        """Callers and operations that are refused last under overload."""
        return parse_lane(self.emergency_lane)

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(_REDIS_SCHEMES):
            raise ValueError(f"the address of Redis must begin with {', '.join(_REDIS_SCHEMES)}")
        return url

    @property
    def redis(self) -> RedisServer | None:
        """The Redis that all processes share; None if it is not set."""
        return None if self.redis_url is None else RedisServer(self.redis_url.get_secret_value(), self.redis_timeout)
