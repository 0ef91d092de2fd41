"""The address of the Redis or Valkey that all processes of the hub share."""

from dataclasses import dataclass, field

DEFAULT_TIMEOUT = 0.1


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A server, and the seconds after which it counts as unavailable."""

    url: str = field(repr=False)
    """May hold a password."""
    timeout: float = DEFAULT_TIMEOUT
