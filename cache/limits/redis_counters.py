"""Counters that all processes of the hub share, in Redis or Valkey; no other module of limits knows either.

No request fails, or waits long, because of Redis. If it does not answer within a tenth of a second, it counts as
unavailable: each process then counts alone, and only a probe waits for Redis.

Commands of the same event loop iteration, or during a pending reply, go out as one pipeline. A single command costs 35
microseconds of processor time in redis-py; in a pipeline 6 to 11. Rates use throttled-py's script (GCRA, by the clock
of Redis). Daily quotas use our own script, because the library also counts what it refuses.
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

from redis.exceptions import RedisError
from throttled.rate_limiter.gcra import RedisLimitAtomicActionSpec

from cache.limits.people_counts import PeopleReply, PeopleRequest
from cache.limits.rate_limiter import Rate, RateResult
from cache.redis_connection import connect_redis
from cache.redis_server import DEFAULT_TIMEOUT

_log = logging.getLogger("simpul.limits")

RETRY_DELAY = 1.0
"""Seconds between two probes of an unavailable Redis."""
_PREFIX = "simpul:v1:"
_MAX_PIPELINE_CALLS = 256
_TWO_DAYS = 2 * 86_400

_DAILY_QUOTA_SCRIPT = """
local spent = math.max(tonumber(redis.call("GET", KEYS[1]) or "0"), tonumber(ARGV[3]))
local after = spent + tonumber(ARGV[1])
if after > tonumber(ARGV[2]) then
    return {0, spent}
end
redis.call("SET", KEYS[1], string.format("%.0f", after), "EX", ARGV[4])
return {1, after}
"""
"""Arguments: points, points per day, points that the calling process knows to be spent, seconds to store it for. A
Redis that lost its data learns the number again from the callers."""

_PEOPLE_SCRIPT = """
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
    DAY = _DAILY_QUOTA_SCRIPT
    PEOPLE = _PEOPLE_SCRIPT


class _PendingCall(NamedTuple):
    script: _Script
    key: str
    arguments: Sequence[float | int | str]
    reply: asyncio.Future[Any]


class RedisCounters:
    """Counts in Redis. Call `start` and `close` in the event loop that asks."""

    def __init__(
        self,
        url: str,
        *,
        make_key: Callable[[str], str],
        timeout: float = DEFAULT_TIMEOUT,
        retry_delay: float = RETRY_DELAY,
    ) -> None:
        """Takes the address of Redis, and the function that builds a key from a client's name. Opens nothing yet."""
        self._client = connect_redis(url, connect_timeout=timeout)
        self._make_key = make_key
        self._timeout = timeout
        self._retry_delay = retry_delay
        self._script_hashes: dict[_Script, str] = {}
        """The hashes by which Redis knows the scripts."""
        self._pending: list[_PendingCall] = []
        self._sending: asyncio.Task[None] | None = None
        self._probing: asyncio.Task[None] | None = None
        self.is_up = False
        """Whether Redis answered the last call."""
        self._reconnected = asyncio.Event()
        self._down_since = 0.0
        self.on_reconnect: list[Callable[[], None]] = []
        """Callbacks that run when Redis answers again."""

    async def start(self) -> None:
        """Probes Redis. If it does not answer, the probe is repeated in the background."""
        failure = await self._probe()
        if failure is not None:
            self._mark_down(failure)

    async def close(self) -> None:
        """Stops counting in Redis."""
        self.is_up = False
        tasks = [each for each in (self._sending, self._probing) if each is not None]
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._reply_none(self._pending)
        with contextlib.suppress(RedisError, OSError):
            await self._client.aclose()

    async def take(self, key: str, rate: Rate, cost: int) -> RateResult | None:
        """Takes from a rate; None if Redis does not answer in time."""
        reply = await self._call_script(_Script.RATE, f"rate:{key}", (rate.interval, rate.amount, cost))
        if reply is None:
            return None
        refused, _, full_in, wait = reply
        return RateResult(bool(refused), float(full_in), float(wait))

    def spend(
        self, client: str, points: int, *, day: int, limit: int, known_spent: int
    ) -> Awaitable[tuple[bool, int] | None] | None:
        """Spends points of a client's day, numbered from 1970-01-01 UTC.

        Returns whether they were spent, and the day's total. `known_spent` is the number that this process knows to be
        spent. None if Redis does not answer.
        """
        return self._spend(client, points, day, limit, known_spent) if self.is_up else None

    async def _spend(self, client: str, points: int, day: int, limit: int, known_spent: int) -> tuple[bool, int] | None:
        key = f"day:{day}:{self._make_key(client)}"
        reply = await self._call_script(_Script.DAY, key, (points, limit, known_spent, _TWO_DAYS))
        return None if reply is None else (bool(reply[0]), int(reply[1]))

    async def wait_until_up(self, seconds: float) -> bool:
        """Whether Redis answers, or comes back before it was away for `seconds`: a short delay is not an outage."""
        left = self._down_since + seconds - monotonic()
        if self.is_up or left <= 0:
            return self.is_up
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left):
                await self._reconnected.wait()
        return self.is_up

    async def charge_people(self, reader: str, request: PeopleRequest) -> PeopleReply | None:
        """Count people of one reader, all or none; None where Redis does not answer in time."""
        given = [each for pair in request.restored.items() for each in pair]
        budget = request.budget
        arguments = (budget.hour, budget.day, request.known_count, len(request.restored), *given, *request.people)
        reply = await self._call_script(_Script.PEOPLE, f"people:{reader}", arguments)
        if reply is None:
            return None
        status, window, wait, *refused = map(int, reply)
        if status:
            return PeopleReply(lost=status == 2, hour=window, day=wait)  # noqa: PLR2004 - as the script says
        return PeopleReply(window=float(window), wait=inf if wait < 0 else wait / 1000, refused=refused)

    async def _call_script(self, script: _Script, key: str, arguments: Sequence[float | int | str]) -> Any:  # noqa: ANN401 - what a script gives
        if not self.is_up:
            return None
        loop = asyncio.get_running_loop()
        call = _PendingCall(script, f"{_PREFIX}{key}", arguments, loop.create_future())
        self._pending.append(call)
        if self._sending is None or self._sending.done():
            self._sending = loop.create_task(self._drain())
        return await call.reply

    async def _drain(self) -> None:
        """Sends pending calls until none is left."""
        while self._pending:
            calls, self._pending = self._pending[:_MAX_PIPELINE_CALLS], self._pending[_MAX_PIPELINE_CALLS:]
            try:
                replies = await self._run_pipeline(calls) if self.is_up else [None] * len(calls)
            except asyncio.CancelledError:
                self._reply_none(calls)
                raise
            for call, reply in zip(calls, replies, strict=True):
                if not call.reply.done():  # the caller may be cancelled
                    call.reply.set_result(reply)

    async def _run_pipeline(self, calls: Sequence[_PendingCall]) -> Sequence[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for call in calls:
            pipeline.evalsha(self._script_hashes[call.script], 1, call.key, *call.arguments)
        try:
            async with asyncio.timeout(self._timeout):
                replies: list[Any] = await pipeline.execute(raise_on_error=False)
        except (RedisError, OSError) as failure:  # a TimeoutError is an OSError
            self._mark_down(failure)
            return [None] * len(calls)
        failures = [each for each in replies if isinstance(each, Exception)]
        if failures:  # Redis lost the scripts, became a replica, or is out of memory
            self._mark_down(failures[0])
        return [None if isinstance(each, Exception) else each for each in replies]

    def _reply_none(self, calls: Sequence[_PendingCall]) -> None:
        for call in calls:
            if not call.reply.done():
                call.reply.set_result(None)

    def _mark_down(self, failure: Exception) -> None:
        """Counts alone from now on, and probes until Redis comes back."""
        self.is_up = False
        self._reconnected.clear()
        if self._probing is None or self._probing.done():
            self._down_since = monotonic()
            _log.warning(
                "Redis does not serve (%s): limits are counted in each process alone until it does.",
                type(failure).__name__,
            )
            self._probing = asyncio.get_running_loop().create_task(self._probe_until_up())

    async def _probe_until_up(self) -> None:
        while True:
            with contextlib.suppress(RedisError, OSError):  # closes idle connections to a server that is gone
                await self._client.connection_pool.disconnect(inuse_connections=False)
            await asyncio.sleep(self._retry_delay)
            if await self._probe() is None:
                _log.info("Redis serves again: limits are counted together.")
                for callback in self.on_reconnect:
                    callback()
                return

    async def _probe(self) -> Exception | None:
        """Runs once what requests need of Redis. Returns the failure, if any."""
        try:
            async with asyncio.timeout(self._timeout):
                for script in _Script:
                    self._script_hashes[script] = await self._client.script_load(script.value)
                # redis-py annotates its sync and async clients together, as either answer.
                answer = self._client.evalsha(self._script_hashes[_Script.RATE], 1, f"{_PREFIX}probe", "1", "1", "1")
                await cast("Awaitable[object]", answer)
        except (RedisError, OSError) as failure:
            return failure
        self.is_up = True
        self._reconnected.set()
        return None

    def __repr__(self) -> str:
        return f"<RedisCounters {'up' if self.is_up else 'down'}>"
