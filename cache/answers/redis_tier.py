"""The cache tier that all processes of the hub share, in Redis or Valkey.

A batch takes one `MGET`: the answers and the epochs of their tags come in one round trip. Invalidations are published
on a channel. The cache of a process counts only while the process is subscribed. When the channel is lost,
`is_subscribed` becomes false; when it is back, the process drops its own cache.

Times in Redis are on the clock of Redis, the same for all processes and hosts. Each process measures its offset to that
clock at intervals. Entries also expire by that clock. If it is set back, older entries seem younger than they are, so
they are deleted.

A restarted or replaced Redis may hold answers whose invalidation it never received. So keys contain the server's run
id: after a restart, no earlier entry is found.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from secrets import token_bytes
from typing import Any

from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout

from cache.answers.monotonic_clock import get_monotonic_seconds
from cache.answers.shared_tier import CacheKey, Lookup, NewSharedEntry, SharedEntry
from cache.redis_connection import connect_redis
from cache.redis_server import DEFAULT_TIMEOUT

_log = logging.getLogger("simpul.cache")

RETRY_DELAY = 1.0
"""Seconds between two attempts to reconnect."""
MAX_CONNECTIONS = 16
"""Connections besides the channel. More would only wait for each other in the server."""
LEASE_SECONDS = 6.0
"""Seconds for which one process may be fetching before another process may."""
CLOCK_CHECK_INTERVALS = 10
"""The number of `RETRY_DELAY` intervals between two measurements of the clock of Redis."""
MAX_CLOCK_SETBACK = 1.0
"""Seconds by which the clock of Redis may fall behind between two measurements; more means that it was set."""
_SCAN_COUNT = 1_000
"""Keys per scan when answers are deleted."""
EPOCH_MARGIN = 120.0
"""Seconds that an epoch outlives the answers that were stored under the previous one. No fetch may last longer."""
_RANDOM_BYTES = 16
_NO_EPOCH = b"\0" * _RANDOM_BYTES
_HEADER = struct.Struct(">dB")
_CHANNEL = "simpul:v1:invalidated"
_RELEASE_SCRIPT = 'if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end'


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidationListener:
    """Receives the invalidations of other processes."""

    on_invalidated: Callable[[Sequence[str]], None]
    """Receives the tags that other processes invalidate."""
    on_unsubscribed: Callable[[], None]
    """Runs when an invalidation may have been missed."""


class RedisTier:
    """The shared tier. Call `start` and `close` in the event loop that reads."""

    def __init__(
        self,
        url: str,
        *,
        max_lifetime: float,
        listener: InvalidationListener,
        timeout: float = DEFAULT_TIMEOUT,
        retry_delay: float = RETRY_DELAY,
        clock: Callable[[], float] = get_monotonic_seconds,
    ) -> None:
        """Opens nothing yet.

        `max_lifetime` is the maximum lifetime of any answer, in seconds. `clock` measures the age of answers in this
        process.
        """
        self._client = connect_redis(url, connect_timeout=timeout)
        # redis-py reconnects and subscribes again before it reports a lost channel, so invalidations would be missed.
        self._subscriber = connect_redis(url, connect_timeout=timeout, when_lost=self._unsubscribe)
        self._max_lifetime = max_lifetime
        self._on_invalidated = listener.on_invalidated
        self._on_unsubscribed = listener.on_unsubscribed
        self._timeout = timeout
        self._retry_delay = retry_delay
        self._owner_token = token_bytes(_RANDOM_BYTES)
        self._connections = asyncio.Semaphore(MAX_CONNECTIONS)
        self._rests_until = 0.0
        self._held_leases: set[str] = set()
        """Names that may still be leased to this process, because Redis was unavailable at their release."""
        self._run_id = ""
        self._clock = clock
        self._clock_offset = 0.0
        """Seconds by which the clock of Redis is ahead of this process's clock."""
        self._subscribed = False
        self._task: asyncio.Task[None] | None = None
        self._channel: asyncio.Task[None] | None = None

    @property
    def is_subscribed(self) -> bool:
        """Whether this process currently receives the invalidations of other processes."""
        return self._subscribed

    async def start(self) -> None:
        """Starts the subscription, and waits a moment for it. A missing Redis does not prevent the start of the hub."""
        begun = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._keep_subscribed(begun))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timeout * 3):
                await begun.wait()

    async def close(self) -> None:
        """Closes the subscription and all connections."""
        tasks = [each for each in (self._task, self._channel) if each is not None]
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._subscribed = False
        for client in (self._client, self._subscriber):
            with contextlib.suppress(RedisError, OSError):
                await client.aclose()

    async def look_up(self, keys: Sequence[CacheKey], *, lease: Sequence[str] = ()) -> Lookup | None:
        """Looks up answers in one round trip, after the leases; None if the tier does not answer."""
        run_id = self._run_id
        tags = list(dict.fromkeys(tag for each in keys for tag in each.tags))
        redis_keys = [self._key("a", run_id, each.name) for each in keys] + [
            self._key("t", run_id, tag) for tag in tags
        ]
        held = set(self._held_leases) if lease else set()

        def looked_up() -> Any:  # noqa: ANN401 - redis-py's pipelines have no type of their own
            pipeline = self._build_release(held)
            for name in lease:
                pipeline.set(self._key("l", run_id, name), self._owner_token, nx=True, px=int(LEASE_SECONDS * 1000))
            return pipeline.mget(redis_keys).execute()

        replies = await self._run_command(looked_up)
        if replies is None:
            return None
        self._held_leases -= held
        values = replies[-1]
        leased = [name for name, is_ours in zip(lease, replies[len(held) : -1], strict=True) if is_ours]
        epochs = {tag: value or _NO_EPOCH for tag, value in zip(tags, values[len(keys) :], strict=True)}
        found: dict[str, SharedEntry] = {}
        for each, value in zip(keys, values, strict=False):
            entry = None if value is None else _decode_entry(value, [epochs[tag] for tag in each.tags])
            if entry is not None:
                found[each.name] = entry._replace(fetched_at=entry.fetched_at - self._clock_offset)
        return Lookup(found, epochs, run_id, leased)

    async def store(self, entries: Sequence[NewSharedEntry], lookup: Lookup) -> None:
        """Stores answers that were fetched after this lookup. Stores nothing if Redis restarted in between."""
        if lookup.run_id != self._run_id:
            return

        def stored() -> Any:  # noqa: ANN401 - see `look_up`
            pipeline = self._client.pipeline(transaction=False)
            for each in entries:
                epochs = [lookup.epochs.get(tag, _NO_EPOCH) for tag in each.key.tags]
                value = b"".join((_HEADER.pack(each.fetched_at + self._clock_offset, len(epochs)), *epochs, each.body))
                key = self._key("a", lookup.run_id, each.key.name)
                pipeline.set(key, value, px=max(1, int(min(each.lifetime, self._max_lifetime) * 1000)))
            return pipeline.execute()

        await self._run_command(stored)

    async def release_lease(self, names: Sequence[str]) -> None:
        """Releases leases after a fetch or a failure, so that waiting processes can look.

        If Redis does not answer, the leases are released with the next lookup that leases.
        """
        if await self._run_command(lambda: self._build_release(names).execute()) is None:
            self._held_leases.update(names)

    def _build_release(self, names: Collection[str]) -> Any:  # noqa: ANN401 - see `look_up`
        """Builds a pipeline that ends the leases of this process."""
        pipeline = self._client.pipeline(transaction=False)
        for name in names:
            pipeline.eval(_RELEASE_SCRIPT, 1, self._key("l", self._run_id, name), self._owner_token)
        return pipeline

    async def invalidate(self, tags: Sequence[str]) -> bool:
        """Invalidates tags for all processes. Returns False if the tier does not answer."""

        def over() -> Any:  # noqa: ANN401 - see `look_up`
            pipeline = self._client.pipeline(transaction=True)
            for tag in tags:
                seconds = int(self._max_lifetime + EPOCH_MARGIN) + 1
                pipeline.set(self._key("t", self._run_id, tag), token_bytes(_RANDOM_BYTES), ex=seconds)
            pipeline.publish(_CHANNEL, " ".join(tags))
            return pipeline.execute()

        return await self._run_command(over) is not None

    async def _run_command(self, ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the commands answer
        """Returns the reply of Redis; None if Redis does not answer, or if its run id is not known."""
        clock = asyncio.get_running_loop().time
        if not self._subscribed or clock() < self._rests_until:
            return None
        try:
            async with asyncio.timeout(self._timeout), self._connections:
                return await ask()
        except (TimeoutError, RedisTimeout) as failure:
            # This process may be the slow one, not Redis: its own cache stays valid while the channel lives.
            if clock() >= self._rests_until:
                _log.warning("Redis is too slow for the answer cache (%s): agencies are asked.", type(failure).__name__)
            self._rests_until = clock() + self._retry_delay
            return None
        except (RedisError, OSError) as failure:
            _log.warning("Redis cannot serve the answer cache (%s): agencies are asked.", type(failure).__name__)
            self._unsubscribe()
            return None

    def _unsubscribe(self) -> None:
        if self._subscribed:
            self._subscribed = False
            self._on_unsubscribed()
        if self._channel is not None:
            self._channel.cancel()

    async def _keep_subscribed(self, begun: asyncio.Event) -> None:
        """Subscribes to invalidations, and again whenever the channel is lost."""
        while True:
            self._channel = asyncio.get_running_loop().create_task(self._subscribe(begun))
            await asyncio.wait({self._channel})
            failure = None if self._channel.cancelled() else self._channel.exception()
            self._unsubscribe()
            await self._close_idle_connections()
            if failure is not None and not isinstance(failure, RedisError | OSError):
                raise failure
            await asyncio.sleep(self._retry_delay)

    async def _close_idle_connections(self) -> None:
        """Closes idle connections to a server that is gone."""
        with contextlib.suppress(RedisError, OSError):
            await self._client.connection_pool.disconnect(inuse_connections=False)

    async def _subscribe(self, begun: asyncio.Event) -> None:
        async with self._subscriber.pubsub() as channel:
            async with asyncio.timeout(self._timeout * 3):
                await channel.subscribe(_CHANNEL)
                confirmed = await channel.get_message(timeout=self._timeout)
                if confirmed is None:
                    raise TimeoutError
                server = await self._subscriber.info("server")
                place = str(server["run_id"])[:16]
                await self._measure_clock_offset(same=place == self._run_id)
                self._run_id = place
                if held := set(self._held_leases):
                    # A Redis that was only slow still holds these leases: other processes would wait for a fetch that
                    # never comes.
                    await self._build_release(held).execute()
                    self._held_leases -= held
            self._on_unsubscribed()  # invalidations may have been missed before the subscription
            self._subscribed = True
            begun.set()
            loop = asyncio.get_running_loop()
            look_at = loop.time() + CLOCK_CHECK_INTERVALS * self._retry_delay
            while True:
                if loop.time() >= look_at:
                    await self._measure_clock_offset(same=True)
                    look_at = loop.time() + CLOCK_CHECK_INTERVALS * self._retry_delay
                message = await channel.get_message(timeout=self._retry_delay)
                if message is None:  # no message, or the server is gone
                    async with asyncio.timeout(self._timeout):
                        await channel.ping()
                    message = await channel.get_message(timeout=self._timeout)
                    if message is None:
                        raise TimeoutError
                if message["type"] == "message":
                    self._on_invalidated(message["data"].decode("ascii").split())

    async def _measure_clock_offset(self, *, same: bool) -> None:
        """Measures the offset of the clock of Redis; `same`: it is the same server as at the last measurement."""
        async with asyncio.timeout(self._timeout):
            began = self._clock()
            seconds, microseconds = await self._subscriber.time()
        ahead = seconds + microseconds / 1_000_000 - (began + self._clock()) / 2
        fell_behind, self._clock_offset = self._clock_offset - ahead, ahead
        if same and fell_behind > MAX_CLOCK_SETBACK:
            _log.warning("The clock of Redis went back by %.0f s: its cached answers are discarded.", fell_behind)
            await self._delete_answers()

    async def _delete_answers(self) -> None:
        """Deletes all answers in Redis, because their age is unknown."""
        pattern, cursor = self._key("a", self._run_id, "*"), 0
        while True:
            cursor, keys = await self._subscriber.scan(cursor, match=pattern, count=_SCAN_COUNT)
            if keys:
                await self._subscriber.unlink(*keys)
            if not cursor:
                return

    @staticmethod
    def _key(what: str, place: str, name: str) -> str:
        return f"simpul:v1:{what}:{place}:{name}"

    def __repr__(self) -> str:
        return f"<RedisTier {'following' if self._subscribed else 'lost'}>"


def _decode_entry(value: bytes, epochs: Sequence[bytes]) -> SharedEntry | None:
    """Decodes an entry; None if its epochs are not the current ones."""
    if len(value) < _HEADER.size:
        return None
    at, count = _HEADER.unpack_from(value)
    body = _HEADER.size + count * _RANDOM_BYTES
    counts = count == len(epochs) and value[_HEADER.size : body] == b"".join(epochs)
    return SharedEntry(at, value[body:]) if counts else None
