"""Answers that all processes of the hub keep together, in Redis or Valkey.

One `MGET` a batch: the answers and the tokens of their tags come in one round trip. What is invalidated is published,
and what this process keeps by itself counts only while it hears that: from the moment the channel is lost until it is
there again, `is_subscribed` is false, and then everything that was kept by itself is forgotten.

Moments stand there by the clock of Redis, which is the same for all processes and hosts: each process knows by how much
that is ahead of its own, and looks again now and then. What Redis keeps ends by the clock of Redis, too. Where that is
set back, what was stored before would seem younger than it is, and is thrown away.

A Redis that was restarted, or another one that took its place, may hold answers whose invalidation it never heard of.
So names carry the server's own run id: in its new life nothing of the old one is found.
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

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout

from cache.answers.monotonic_clock import get_monotonic_seconds
from cache.answers.shared_tier import CacheKey, Lookup, NewSharedEntry, SharedEntry
from cache.redis_connection import connect_redis

_log = logging.getLogger("simpul.cache")

TIMEOUT = 0.1
"""Seconds after which Redis counts as gone."""
RETRY_DELAY = 1.0
"""Seconds between two looks whether it is back."""
MAX_CONNECTIONS = 16
"""Connections besides the channel. More would only wait for each other in the server."""
LEASE_SECONDS = 6.0
"""Seconds for which one process may be fetching before another does."""
CLOCK_CHECK_INTERVALS = 10
"""After how many times `RETRY_DELAY` a process looks again what time it is at Redis."""
MAX_CLOCK_SETBACK = 1.0
"""Seconds by which the clock of Redis may fall behind between two looks; more means that it was set."""
_SCAN_COUNT = 1_000
"""Keys that are looked for at a time where answers are thrown away."""
TOKEN_MARGIN = 120.0
"""Seconds that a token outlives the answers that were stored under the one before it. No fetch may last longer."""
_TOKEN_BYTES = 16
_NO_TOKEN = b"\0" * _TOKEN_BYTES
_HEADER = struct.Struct(">dB")
_CHANNEL = "simpul:v1:invalidated"
_RELEASE_SCRIPT = 'if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end'


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidationListener:
    """Who is told what other processes invalidate."""

    on_invalidated: Callable[[Sequence[str]], None]
    """Called with the tags."""
    on_unsubscribed: Callable[[], None]
    """Called when something may have been missed."""


class RedisTier:
    """The tier. `start` and `close` it in the event loop that reads."""

    def __init__(
        self,
        url: str,
        *,
        max_lifetime: float,
        listener: InvalidationListener,
        timeout: float = TIMEOUT,
        retry_delay: float = RETRY_DELAY,
        clock: Callable[[], float] = get_monotonic_seconds,
    ) -> None:
        """Take where Redis is; nothing is opened yet.

        `max_lifetime` is how many seconds any answer is kept. `clock` is the one on which this process
        tells how old answers are.
        """
        self._client = connect_redis(
            url,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        # redis-py connects and subscribes again before it tells of a lost channel, and invalidations were missed.
        self._subscriber = connect_redis(
            url,
            socket_connect_timeout=timeout,
            protocol=2,
            when_lost=self._unsubscribe,
        )
        self._max_lifetime = max_lifetime
        self._on_invalidated = listener.on_invalidated
        self._on_unsubscribed = listener.on_unsubscribed
        self._timeout = timeout
        self._retry_delay = retry_delay
        self._owner_token = token_bytes(_TOKEN_BYTES)
        self._connections = asyncio.Semaphore(MAX_CONNECTIONS)
        self._rests_until = 0.0
        self._held_leases: set[str] = set()
        """Names that may still be leased to this process, for Redis could not be told that they were fetched."""
        self._run_id = ""
        self._clock = clock
        self._clock_offset = 0.0
        """Seconds by which the clock of Redis is ahead of our own."""
        self._subscribed = False
        self._task: asyncio.Task[None] | None = None
        self._channel: asyncio.Task[None] | None = None

    @property
    def is_subscribed(self) -> bool:
        """Whether this process hears at this moment what others invalidate."""
        return self._subscribed

    async def start(self) -> None:
        """Begin to follow, and wait a moment for it: a Redis that is not there does not keep the hub from starting."""
        begun = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._keep_subscribed(begun))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timeout * 3):
                await begun.wait()

    async def close(self) -> None:
        """Let go of Redis."""
        tasks = [each for each in (self._task, self._channel) if each is not None]
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._subscribed = False
        for client in (self._client, self._subscriber):
            with contextlib.suppress(RedisError, OSError):
                await client.aclose()

    async def look_up(self, keys: Sequence[CacheKey]) -> Lookup | None:
        """What is there, in one round trip; None where the tier does not answer."""
        run_id = self._run_id
        tags = list(dict.fromkeys(tag for each in keys for tag in each.tags))
        redis_keys = [self._key("a", run_id, each.name) for each in keys] + [
            self._key("t", run_id, tag) for tag in tags
        ]
        values = await self._run_command(lambda: self._client.mget(redis_keys))
        if values is None:
            return None
        tokens = {tag: value or _NO_TOKEN for tag, value in zip(tags, values[len(keys) :], strict=True)}
        found: dict[str, SharedEntry] = {}
        for each, value in zip(keys, values, strict=False):
            entry = None if value is None else _decode_entry(value, [tokens[tag] for tag in each.tags])
            if entry is not None:
                found[each.name] = entry._replace(fetched_at=entry.fetched_at - self._clock_offset)
        return Lookup(found, tokens, run_id)

    async def store(self, entries: Sequence[NewSharedEntry], lookup: Lookup) -> None:
        """Keep answers that were fetched after this look. In another life of Redis they are not kept at all."""
        if lookup.run_id != self._run_id:
            return

        def stored() -> Any:  # noqa: ANN401 - redis-py's pipelines have no type of their own
            pipeline = self._client.pipeline(transaction=False)
            for each in entries:
                tokens = [lookup.tokens.get(tag, _NO_TOKEN) for tag in each.key.tags]
                value = b"".join((_HEADER.pack(each.fetched_at + self._clock_offset, len(tokens)), *tokens, each.body))
                key = self._key("a", lookup.run_id, each.key.name)
                pipeline.set(key, value, px=max(1, int(min(each.lifetime, self._max_lifetime) * 1000)))
            return pipeline.execute()

        await self._run_command(stored)

    async def acquire_lease(self, names: Sequence[str]) -> Collection[str]:
        """Those of the names that nobody else is fetching; all of them where the tier does not answer."""
        held = set(self._held_leases)

        def leased() -> Any:  # noqa: ANN401 - see `store`
            pipeline = self._build_release(held)
            for name in names:
                pipeline.set(
                    self._key("l", self._run_id, name), self._owner_token, nx=True, px=int(LEASE_SECONDS * 1000)
                )
            return pipeline.execute()

        if not names:
            return names
        replies = await self._run_command(leased)
        if replies is None:
            return names
        self._held_leases -= held
        return [name for name, ours in zip(names, replies[len(held) :], strict=True) if ours]

    async def release_lease(self, names: Sequence[str]) -> None:
        """They were fetched, or could not be: whoever waits may look. Where Redis cannot be told now, it is later."""
        if await self._run_command(lambda: self._build_release(names).execute()) is None:
            self._held_leases.update(names)

    def _build_release(self, names: Collection[str]) -> Any:  # noqa: ANN401 - see `store`
        """A pipeline that ends what is leased to this process."""
        pipeline = self._client.pipeline(transaction=False)
        for name in names:
            pipeline.eval(_RELEASE_SCRIPT, 1, self._key("l", self._run_id, name), self._owner_token)
        return pipeline

    async def invalidate(self, tags: Sequence[str]) -> bool:
        """Let nothing with these tags count any more, in any process; False where the tier does not answer."""

        def over() -> Any:  # noqa: ANN401 - see `store`
            pipeline = self._client.pipeline(transaction=True)
            for tag in tags:
                seconds = int(self._max_lifetime + TOKEN_MARGIN) + 1
                pipeline.set(self._key("t", self._run_id, tag), token_bytes(_TOKEN_BYTES), ex=seconds)
            pipeline.publish(_CHANNEL, " ".join(tags))
            return pipeline.execute()

        return await self._run_command(over) is not None

    async def _run_command(self, ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the commands answer
        """What Redis answers; None where it does not, or where this process does not know in which life it is."""
        clock = asyncio.get_running_loop().time
        if not self._subscribed or clock() < self._rests_until:
            return None
        try:
            async with asyncio.timeout(self._timeout), self._connections:
                return await ask()
        except (TimeoutError, RedisTimeout) as failure:
            # Perhaps this process was busy, not Redis: what it keeps by itself counts as long as the channel lives.
            if clock() >= self._rests_until:
                _log.warning("Redis is too slow for kept answers (%s): agencies are asked.", type(failure).__name__)
            self._rests_until = clock() + self._retry_delay
            return None
        except (RedisError, OSError) as failure:
            _log.warning("Redis does not serve kept answers (%s): agencies are asked instead.", type(failure).__name__)
            self._unsubscribe()
            return None

    def _unsubscribe(self) -> None:
        if self._subscribed:
            self._subscribed = False
            self._on_unsubscribed()
        if self._channel is not None:
            self._channel.cancel()

    async def _keep_subscribed(self, begun: asyncio.Event) -> None:
        """Hear what others invalidate, and come back whenever Redis does."""
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
        """Close what is left of connections to a server that is gone."""
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
                    # A Redis that was only slow still has them: everybody would wait for what nobody fetches.
                    await self._build_release(held).execute()
                    self._held_leases -= held
            self._on_unsubscribed()  # what was missed meanwhile, nobody knows
            self._subscribed = True
            begun.set()
            loop = asyncio.get_running_loop()
            look_at = loop.time() + CLOCK_CHECK_INTERVALS * self._retry_delay
            while True:
                if loop.time() >= look_at:
                    await self._measure_clock_offset(same=True)
                    look_at = loop.time() + CLOCK_CHECK_INTERVALS * self._retry_delay
                message = await channel.get_message(timeout=self._retry_delay)
                if message is None:  # nothing to hear, or nobody who says it any more
                    async with asyncio.timeout(self._timeout):
                        await channel.ping()
                    message = await channel.get_message(timeout=self._timeout)
                    if message is None:
                        raise TimeoutError
                if message["type"] == "message":
                    self._on_invalidated(message["data"].decode("ascii").split())

    async def _measure_clock_offset(self, *, same: bool) -> None:
        """Learn by how much the clock of Redis is ahead; `same`: it is the same Redis as at the last look."""
        async with asyncio.timeout(self._timeout):
            began = self._clock()
            seconds, microseconds = await self._subscriber.time()
        ahead = seconds + microseconds / 1_000_000 - (began + self._clock()) / 2
        fell_behind, self._clock_offset = self._clock_offset - ahead, ahead
        if same and fell_behind > MAX_CLOCK_SETBACK:
            _log.warning("The clock of Redis went back by %.0f s: its cached answers are discarded.", fell_behind)
            await self._delete_answers()

    async def _delete_answers(self) -> None:
        """Discard all answers in Redis: their age is unknown."""
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
        """Whether it is there, never where."""
        return f"<RedisTier {'following' if self._subscribed else 'lost'}>"


def _decode_entry(value: bytes, tokens: Sequence[bytes]) -> SharedEntry | None:
    """What was stored, where its tokens are those of the moment."""
    if len(value) < _HEADER.size:
        return None
    at, count = _HEADER.unpack_from(value)
    body = _HEADER.size + count * _TOKEN_BYTES
    counts = count == len(tokens) and value[_HEADER.size : body] == b"".join(tokens)
    return SharedEntry(at, value[body:]) if counts else None
