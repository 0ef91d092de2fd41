"""What all processes of the hub count together, in Redis or Valkey; the only place that knows either.

No request fails, or waits long, because of Redis. Where it does not answer within a tenth of a second it counts as
gone, everybody counts alone at once, and from then on nobody but a probe waits for it.

What is asked in the same turn, or while an answer is on its way, goes out in one go: alone, a command costs 35
microseconds of processor time in redis-py, among others 6 to 11. Rates are throttled-py's script (GCRA, by the clock of
Redis); a day's points a script of our own, because the library counts what it refuses, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from math import inf
from time import monotonic
from typing import Any, NamedTuple, cast

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from throttled.rate_limiter.gcra import RedisLimitAtomicActionSpec

from cache.people_counts import PeopleQuestion, PeopleReply
from cache.rates import Rate, Taken
from cache.redis_connection import connect_redis

_log = logging.getLogger("simpul.limits")

PATIENCE = 0.1
"""Seconds after which Redis counts as gone."""
PAUSE = 1.0
"""Seconds between two looks whether it is back."""
_PREFIX = "simpul:v1:"
_MOST_AT_ONCE = 256
_TWO_DAYS = 2 * 86_400

_OF_A_DAY = """
local spent = math.max(tonumber(redis.call("GET", KEYS[1]) or "0"), tonumber(ARGV[3]))
local after = spent + tonumber(ARGV[1])
if after > tonumber(ARGV[2]) then
    return {0, spent}
end
redis.call("SET", KEYS[1], string.format("%.0f", after), "EX", ARGV[4])
return {1, after}
"""
"""Arguments: points, points a day, points that who asks knows to be spent, seconds to keep it for. A Redis that lost
what it held learns it again from whoever knows."""

_PEOPLE = """
local clock = redis.call("TIME")
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local function at(seconds_ago) return string.format("%.4f", now - seconds_ago) end
local key, first = KEYS[1], 4
for _ = 1, tonumber(ARGV[4]) do
    redis.call("ZADD", key, "GT", at(tonumber(ARGV[first + 2])), ARGV[first + 1])
    first = first + 2
end
redis.call("EXPIRE", key, 86400)
redis.call("ZREMRANGEBYSCORE", key, "-inf", at(86400))
local today = redis.call("ZCARD", key)
if today < tonumber(ARGV[3]) then
    return {2, 0, 0}
end
local new, new_today = {}, 0
for index = first + 1, #ARGV do
    local score = redis.call("ZSCORE", key, ARGV[index])
    if not score then new_today = new_today + 1 end
    if not score or tonumber(score) <= now - 3600 then new[#new + 1] = index end
end
local function wait(counted, added, most, window)
    local excess = counted + added - most
    if excess <= 0 or added == 0 then return 0 end
    if added > most then return -1 end
    local found = redis.call("ZRANGEBYSCORE", key, "(" .. at(window), "+inf", "WITHSCORES", "LIMIT", excess - 1, 1)
    return math.max(1, math.ceil((tonumber(found[2]) + window - now) * 1000))
end
local of_last_hour = redis.call("ZCOUNT", key, "(" .. at(3600), "+inf")
local of_hour = wait(of_last_hour, #new, tonumber(ARGV[1]), 3600)
local of_day = wait(today, new_today, tonumber(ARGV[2]), 86400)
if of_hour ~= 0 or of_day ~= 0 then
    local refused = {0, 86400, of_day}
    if of_hour == -1 or of_day == 0 or (of_day ~= -1 and of_hour >= of_day) then refused = {0, 3600, of_hour} end
    for _, index in ipairs(new) do refused[#refused + 1] = index - first - 1 end
    return refused
end
for _, index in ipairs(new) do redis.call("ZADD", key, at(0), ARGV[index]) end
redis.call("EXPIRE", key, 86400)
return {1, of_last_hour + #new, today + new_today}
"""
"""A sorted set of the people of one reader, by the time of counting. Arguments: the limits per hour and per day; the
number of today's people in the calling process; the number of restored people, then member and age in seconds of each;
then the people to count. Returns 2 if it knows fewer people than the caller. Returns 1 and the numbers in the hour and
the day if all were counted. Otherwise returns 0, the window, the milliseconds until they fit (-1: never), and the
indexes of the people that were not counted before."""


class _Script(Enum):
    RATE = RedisLimitAtomicActionSpec.SCRIPTS
    DAY = _OF_A_DAY
    PEOPLE = _PEOPLE


class _Wish(NamedTuple):
    script: _Script
    key: str
    arguments: Sequence[float | int | str]
    answer: asyncio.Future[Any]


class SharedCounts:
    """Counts in Redis. `start` and `close` it in the event loop that asks."""

    def __init__(
        self, url: str, *, keyed: Callable[[str], str], patience: float = PATIENCE, pause: float = PAUSE
    ) -> None:
        """Take where Redis is, and what makes a key of a client's name; nothing is opened yet."""
        self._client = connect_redis(
            url,
            socket_timeout=patience,
            socket_connect_timeout=patience,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        self._keyed = keyed
        self._patience = patience
        self._pause = pause
        self._names: dict[_Script, str] = {}
        """By what Redis calls the scripts."""
        self._wishes: list[_Wish] = []
        self._sending: asyncio.Task[None] | None = None
        self._probing: asyncio.Task[None] | None = None
        self.up = False
        """Whether Redis answered when it was last asked."""
        self._back = asyncio.Event()
        self._lost_at = 0.0
        self.when_back: list[Callable[[], None]] = []
        """Callbacks that run when Redis answers again."""

    async def start(self) -> None:
        """Look whether Redis answers; where not, go on looking while the hub serves."""
        failure = await self._probe()
        if failure is not None:
            self._lost(failure)

    async def close(self) -> None:
        """Stop counting together."""
        self.up = False
        tasks = [each for each in (self._sending, self._probing) if each is not None]
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._answer_none(self._wishes)
        with contextlib.suppress(RedisError, OSError):
            await self._client.aclose()

    async def take(self, key: str, rate: Rate, cost: int) -> Taken | None:
        """Take from a rate; None where Redis does not answer in time."""
        reply = await self._asked(_Script.RATE, f"rate:{key}", (rate.interval, rate.amount, cost))
        if reply is None:
            return None
        refused, _, full_in, wait = reply
        return Taken(bool(refused), float(full_in), float(wait))

    def spend(
        self, client: str, points: int, *, day: int, most: int, known: int
    ) -> Awaitable[tuple[bool, int] | None] | None:
        """Spend points of a client's day, numbered from 1970-01-01 UTC: whether they were, and how many are spent.

        `known` is what who asks knows to be spent. None where Redis does not answer.
        """
        return self._spend(client, points, day, most, known) if self.up else None

    async def _spend(self, client: str, points: int, day: int, most: int, known: int) -> tuple[bool, int] | None:
        key = f"day:{day}:{self._keyed(client)}"
        reply = await self._asked(_Script.DAY, key, (points, most, known, _TWO_DAYS))
        return None if reply is None else (bool(reply[0]), int(reply[1]))

    async def back_within(self, seconds: float) -> bool:
        """Whether Redis answers, or does so again before it was away for so long: a busy moment is no outage."""
        left = self._lost_at + seconds - monotonic()
        if self.up or left <= 0:
            return self.up
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left):
                await self._back.wait()
        return self.up

    async def charge_people(self, reader: str, question: PeopleQuestion) -> PeopleReply | None:
        """Count people of one reader, all or none; None where Redis does not answer in time."""
        given = [each for pair in question.given.items() for each in pair]
        budget = question.budget
        arguments = (budget.hour, budget.day, question.known, len(question.given), *given, *question.people)
        reply = await self._asked(_Script.PEOPLE, f"people:{reader}", arguments)
        if reply is None:
            return None
        status, window, wait, *refused = map(int, reply)
        if status:
            return PeopleReply(lost=status == 2, hour=window, day=wait)  # noqa: PLR2004 - as the script says
        return PeopleReply(window=float(window), wait=inf if wait < 0 else wait / 1000, refused=refused)

    async def _asked(self, script: _Script, key: str, arguments: Sequence[float | int | str]) -> Any:  # noqa: ANN401 - what a script gives
        if not self.up:
            return None
        loop = asyncio.get_running_loop()
        wish = _Wish(script, f"{_PREFIX}{key}", arguments, loop.create_future())
        self._wishes.append(wish)
        if self._sending is None or self._sending.done():
            self._sending = loop.create_task(self._send())
        return await wish.answer

    async def _send(self) -> None:
        """Send what is wished for until nothing is."""
        while self._wishes:
            wishes, self._wishes = self._wishes[:_MOST_AT_ONCE], self._wishes[_MOST_AT_ONCE:]
            try:
                replies = await self._sent(wishes) if self.up else [None] * len(wishes)
            except asyncio.CancelledError:
                self._answer_none(wishes)
                raise
            for wish, reply in zip(wishes, replies, strict=True):
                if not wish.answer.done():  # whoever asked may be gone
                    wish.answer.set_result(reply)

    async def _sent(self, wishes: Sequence[_Wish]) -> Sequence[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for wish in wishes:
            pipeline.evalsha(self._names[wish.script], 1, wish.key, *wish.arguments)
        try:
            async with asyncio.timeout(self._patience):
                replies: list[Any] = await pipeline.execute(raise_on_error=False)
        except (RedisError, OSError) as failure:  # a TimeoutError is an OSError
            self._lost(failure)
            return [None] * len(wishes)
        failures = [each for each in replies if isinstance(each, Exception)]
        if failures:  # it forgot the scripts, became a replica, is out of memory
            self._lost(failures[0])
        return [None if isinstance(each, Exception) else each for each in replies]

    def _answer_none(self, wishes: Sequence[_Wish]) -> None:
        for wish in wishes:
            if not wish.answer.done():
                wish.answer.set_result(None)

    def _lost(self, failure: Exception) -> None:
        """Count alone from now on, and look whether Redis comes back."""
        self.up = False
        self._back.clear()
        if self._probing is None or self._probing.done():
            self._lost_at = monotonic()
            _log.warning(
                "Redis does not serve (%s): limits are counted in each process alone until it does.",
                type(failure).__name__,
            )
            self._probing = asyncio.get_running_loop().create_task(self._until_back())

    async def _until_back(self) -> None:
        while True:
            with contextlib.suppress(RedisError, OSError):  # what is left of connections to a server that is gone
                await self._client.connection_pool.disconnect(inuse_connections=False)
            await asyncio.sleep(self._pause)
            if await self._probe() is None:
                _log.info("Redis serves again: limits are counted together.")
                for tell in self.when_back:
                    tell()
                return

    async def _probe(self) -> Exception | None:
        """Do once what requests need of it; what went wrong, if anything did."""
        try:
            async with asyncio.timeout(self._patience):
                for script in _Script:
                    self._names[script] = await self._client.script_load(script.value)
                # redis-py says of both its clients together what each answers.
                answer = self._client.evalsha(self._names[_Script.RATE], 1, f"{_PREFIX}probe", "1", "1", "1")
                await cast("Awaitable[object]", answer)
        except (RedisError, OSError) as failure:
            return failure
        self.up = True
        self._back.set()
        return None

    def __repr__(self) -> str:
        """Whether it answers, never where it is."""
        return f"<SharedCounts {'up' if self.up else 'down'}>"
