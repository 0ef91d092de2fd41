"""Answers that all processes of the hub keep together, in Redis or Valkey.

One `MGET` a batch: the answers and the tokens of their tags come in one round trip. What is invalidated is published,
and what this process keeps by itself counts only while it hears that: from the moment the channel is lost until it is
there again, `following` is false, and then everything that was kept by itself is forgotten.

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
from secrets import token_bytes
from typing import Any

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout

from cache.clock import steady
from cache.redis_connection import connect_redis
from cache.shared_tier import Found, Looked, Stored, Wanted

_log = logging.getLogger("simpul.kept")

PATIENCE = 0.1
"""Seconds after which Redis counts as gone."""
PAUSE = 1.0
"""Seconds between two looks whether it is back."""
AT_ONCE = 16
"""Connections besides the channel. More would only wait for each other in the server."""
LEASE = 6.0
"""Seconds for which one process may be fetching before another does."""
LOOK_AT_CLOCK = 10
"""After how many times `PAUSE` a process looks again what time it is at Redis."""
SET_BACK = 1.0
"""Seconds by which the clock of Redis may fall behind between two looks; more means that it was set."""
_PAGE = 1_000
"""Keys that are looked for at a time where answers are thrown away."""
MARGIN = 120.0
"""Seconds that a token outlives the answers that were stored under the one before it. No fetch may last longer."""
_TOKEN = 16
_NO_TOKEN = b"\0" * _TOKEN
_HEAD = struct.Struct(">dB")
_CHANNEL = "simpul:v1:invalidated"
_UNLEASE = 'if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end'


class RedisTier:
    """The tier. `start` and `close` it in the event loop that reads."""

    def __init__(
        self,
        url: str,
        *,
        longest: float,
        heard: Callable[[Sequence[str]], None],
        lost: Callable[[], None],
        patience: float = PATIENCE,
        pause: float = PAUSE,
        clock: Callable[[], float] = steady,
    ) -> None:
        """Take where Redis is; nothing is opened yet.

        `longest` is how many seconds any answer is kept. `heard` is called with the tags that others invalidate,
        `lost` when something may have been missed. `clock` is the one on which this process tells how old
        answers are.
        """
        self._client = connect_redis(
            url,
            socket_timeout=patience,
            socket_connect_timeout=patience,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        # redis-py connects and subscribes again before it tells of a lost channel, and invalidations were missed.
        self._hearing = connect_redis(
            url,
            socket_connect_timeout=patience,
            protocol=2,
            when_lost=self._stop_following,
        )
        self._longest = longest
        self._heard_of = heard
        self._lost = lost
        self._patience = patience
        self._pause = pause
        self._me = token_bytes(_TOKEN)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._rests_until = 0.0
        self._held: set[str] = set()
        """Names that may still be leased to this process, for Redis could not be told that they were fetched."""
        self._place = ""
        self._clock = clock
        self._ahead = 0.0
        """Seconds by which the clock of Redis is ahead of our own."""
        self._following = False
        self._task: asyncio.Task[None] | None = None
        self._channel: asyncio.Task[None] | None = None

    @property
    def following(self) -> bool:
        """Whether this process hears at this moment what others invalidate."""
        return self._following

    async def start(self) -> None:
        """Begin to follow, and wait a moment for it: a Redis that is not there does not keep the hub from starting."""
        begun = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._follow(begun))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience * 3):
                await begun.wait()

    async def close(self) -> None:
        """Let go of Redis."""
        tasks = [each for each in (self._task, self._channel) if each is not None]
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._following = False
        for client in (self._client, self._hearing):
            with contextlib.suppress(RedisError, OSError):
                await client.aclose()

    async def look(self, wanted: Sequence[Wanted]) -> Looked | None:
        """What is there, in one round trip; None where the tier does not answer."""
        place = self._place
        tags = list(dict.fromkeys(tag for each in wanted for tag in each.tags))
        keys = [self._key("a", place, each.name) for each in wanted] + [self._key("t", place, tag) for tag in tags]
        values = await self._asked(lambda: self._client.mget(keys))
        if values is None:
            return None
        tokens = {tag: value or _NO_TOKEN for tag, value in zip(tags, values[len(wanted) :], strict=True)}
        found: dict[str, Found] = {}
        for each, value in zip(wanted, values, strict=False):
            entry = None if value is None else _entry(value, [tokens[tag] for tag in each.tags])
            if entry is not None:
                found[each.name] = entry._replace(at=entry.at - self._ahead)
        return Looked(found, tokens, place)

    async def store(self, entries: Sequence[Stored], looked: Looked) -> None:
        """Keep answers that were fetched after this look. In another life of Redis they are not kept at all."""
        if looked.place != self._place:
            return

        def stored() -> Any:  # noqa: ANN401 - redis-py's pipelines have no type of their own
            pipeline = self._client.pipeline(transaction=False)
            for each in entries:
                tokens = [looked.tokens.get(tag, _NO_TOKEN) for tag in each.wanted.tags]
                value = b"".join((_HEAD.pack(each.at + self._ahead, len(tokens)), *tokens, each.body))
                key = self._key("a", looked.place, each.wanted.name)
                pipeline.set(key, value, px=max(1, int(min(each.seconds, self._longest) * 1000)))
            return pipeline.execute()

        await self._asked(stored)

    async def lead(self, names: Sequence[str]) -> Collection[str]:
        """Those of the names that nobody else is fetching; all of them where the tier does not answer."""
        held = set(self._held)

        def leased() -> Any:  # noqa: ANN401 - see `store`
            pipeline = self._given_back(held)
            for name in names:
                pipeline.set(self._key("l", self._place, name), self._me, nx=True, px=int(LEASE * 1000))
            return pipeline.execute()

        if not names:
            return names
        replies = await self._asked(leased)
        if replies is None:
            return names
        self._held -= held
        return [name for name, ours in zip(names, replies[len(held) :], strict=True) if ours]

    async def led(self, names: Sequence[str]) -> None:
        """They were fetched, or could not be: whoever waits may look. Where Redis cannot be told now, it is later."""
        if await self._asked(lambda: self._given_back(names).execute()) is None:
            self._held.update(names)

    def _given_back(self, names: Collection[str]) -> Any:  # noqa: ANN401 - see `store`
        """A pipeline that ends what is leased to this process."""
        pipeline = self._client.pipeline(transaction=False)
        for name in names:
            pipeline.eval(_UNLEASE, 1, self._key("l", self._place, name), self._me)
        return pipeline

    async def invalidate(self, tags: Sequence[str]) -> bool:
        """Let nothing with these tags count any more, in any process; False where the tier does not answer."""

        def over() -> Any:  # noqa: ANN401 - see `store`
            pipeline = self._client.pipeline(transaction=True)
            for tag in tags:
                seconds = int(self._longest + MARGIN) + 1
                pipeline.set(self._key("t", self._place, tag), token_bytes(_TOKEN), ex=seconds)
            pipeline.publish(_CHANNEL, " ".join(tags))
            return pipeline.execute()

        return await self._asked(over) is not None

    async def _asked(self, ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the commands answer
        """What Redis answers; None where it does not, or where this process does not know in which life it is."""
        clock = asyncio.get_running_loop().time
        if not self._following or clock() < self._rests_until:
            return None
        try:
            async with asyncio.timeout(self._patience), self._turns:
                return await ask()
        except (TimeoutError, RedisTimeout) as failure:
            # Perhaps this process was busy, not Redis: what it keeps by itself counts as long as the channel lives.
            if clock() >= self._rests_until:
                _log.warning("Redis is too slow for kept answers (%s): agencies are asked.", type(failure).__name__)
            self._rests_until = clock() + self._pause
            return None
        except (RedisError, OSError) as failure:
            _log.warning("Redis does not serve kept answers (%s): agencies are asked instead.", type(failure).__name__)
            self._stop_following()
            return None

    def _stop_following(self) -> None:
        if self._following:
            self._following = False
            self._lost()
        if self._channel is not None:
            self._channel.cancel()

    async def _follow(self, begun: asyncio.Event) -> None:
        """Hear what others invalidate, and come back whenever Redis does."""
        while True:
            self._channel = asyncio.get_running_loop().create_task(self._heard(begun))
            await asyncio.wait({self._channel})
            failure = None if self._channel.cancelled() else self._channel.exception()
            self._stop_following()
            await self._let_go()
            if failure is not None and not isinstance(failure, RedisError | OSError):
                raise failure
            await asyncio.sleep(self._pause)

    async def _let_go(self) -> None:
        """Close what is left of connections to a server that is gone."""
        with contextlib.suppress(RedisError, OSError):
            await self._client.connection_pool.disconnect(inuse_connections=False)

    async def _heard(self, begun: asyncio.Event) -> None:
        async with self._hearing.pubsub() as channel:
            async with asyncio.timeout(self._patience * 3):
                await channel.subscribe(_CHANNEL)
                confirmed = await channel.get_message(timeout=self._patience)
                if confirmed is None:
                    raise TimeoutError
                server = await self._hearing.info("server")
                place = str(server["run_id"])[:16]
                await self._look_at_its_clock(same=place == self._place)
                self._place = place
                if held := set(self._held):
                    # A Redis that was only slow still has them: everybody would wait for what nobody fetches.
                    await self._given_back(held).execute()
                    self._held -= held
            self._lost()  # what was missed meanwhile, nobody knows
            self._following = True
            begun.set()
            loop = asyncio.get_running_loop()
            look_at = loop.time() + LOOK_AT_CLOCK * self._pause
            while True:
                if loop.time() >= look_at:
                    await self._look_at_its_clock(same=True)
                    look_at = loop.time() + LOOK_AT_CLOCK * self._pause
                message = await channel.get_message(timeout=self._pause)
                if message is None:  # nothing to hear, or nobody who says it any more
                    async with asyncio.timeout(self._patience):
                        await channel.ping()
                    message = await channel.get_message(timeout=self._patience)
                    if message is None:
                        raise TimeoutError
                if message["type"] == "message":
                    self._heard_of(message["data"].decode("ascii").split())

    async def _look_at_its_clock(self, *, same: bool) -> None:
        """Learn by how much the clock of Redis is ahead; `same`: it is the same Redis as at the last look."""
        async with asyncio.timeout(self._patience):
            began = self._clock()
            seconds, microseconds = await self._hearing.time()
        ahead = seconds + microseconds / 1_000_000 - (began + self._clock()) / 2
        fell_behind, self._ahead = self._ahead - ahead, ahead
        if same and fell_behind > SET_BACK:
            _log.warning("The clock of Redis went back by %.0f s: its cached answers are discarded.", fell_behind)
            await self._throw_away()

    async def _throw_away(self) -> None:
        """Discard all answers in Redis: their age is unknown."""
        pattern, cursor = self._key("a", self._place, "*"), 0
        while True:
            cursor, keys = await self._hearing.scan(cursor, match=pattern, count=_PAGE)
            if keys:
                await self._hearing.unlink(*keys)
            if not cursor:
                return

    @staticmethod
    def _key(what: str, place: str, name: str) -> str:
        return f"simpul:v1:{what}:{place}:{name}"

    def __repr__(self) -> str:
        """Whether it is there, never where."""
        return f"<RedisTier {'following' if self._following else 'lost'}>"


def _entry(value: bytes, tokens: Sequence[bytes]) -> Found | None:
    """What was stored, where its tokens are those of the moment."""
    if len(value) < _HEAD.size:
        return None
    at, count = _HEAD.unpack_from(value)
    body = _HEAD.size + count * _TOKEN
    counts = count == len(tokens) and value[_HEAD.size : body] == b"".join(tokens)
    return Found(at, value[body:]) if counts else None
