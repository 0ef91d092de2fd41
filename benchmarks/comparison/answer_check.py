"""Checks a target before the measurement: equal data, refused tokens, the number of calls."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import orjson

from benchmarks.comparison.callers import BenchmarkCaller
from benchmarks.comparison.questions import Q4, BenchmarkQuestion, build_expected_answer
from benchmarks.comparison.targets import Target
from benchmarks.comparison.upstream import Upstream

_TIMEOUT_S = 20
_CONCURRENCY = 16


class WrongAnswer(Exception):  # noqa: N818 - reads as what it is
    """A target answers differently from the others; the text says how."""


def check_target(target: Target, url: str, upstream: Upstream, callers: list[BenchmarkCaller]) -> None:
    """Send all questions. Raises `WrongAnswer`."""
    for question in target.questions:
        for caller in (callers[0], callers[1], callers[-1]) if question.needs_token else (callers[0],):
            for _ in range(3):  # a repeated document may run differently
                _check_answer(url, question, caller)
        _check_calls(target, url, upstream, question, callers)
    if Q4 in target.questions and target.verifies_tokens:
        _check_refusals(target, url, callers)


class TargetAnswer(NamedTuple):
    """The response of a target."""

    status: int
    json: Any
    length: int
    """Its size in bytes."""


def ask(url: str, question: BenchmarkQuestion, number: int, token: str | None) -> TargetAnswer:
    """Send one question; return the response."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=_TIMEOUT_S)
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    request: dict[str, Any] = {"query": question.document}
    if question.needs_token:
        request["variables"] = question.variables(number)
    try:
        connection.request("POST", parts.path, orjson.dumps(request), headers)
        reply = connection.getresponse()
        body = reply.read()
    finally:
        connection.close()
    try:
        return TargetAnswer(reply.status, orjson.loads(body), len(body))
    except orjson.JSONDecodeError:
        return TargetAnswer(reply.status, None, len(body))


def _check_answer(url: str, question: BenchmarkQuestion, caller: BenchmarkCaller) -> None:
    status, body, _ = ask(url, question, caller.number, caller.token if question.needs_token else None)
    wanted = build_expected_answer(question, caller.number)
    if status != 200 or not isinstance(body, dict) or body.get("errors") or body.get("data") != wanted:  # noqa: PLR2004 - OK
        raise WrongAnswer(f"{question.name} was answered with {status} {orjson.dumps(body)[:200].decode()}")


def _check_calls(
    target: Target, url: str, upstream: Upstream, question: BenchmarkQuestion, callers: list[BenchmarkCaller]
) -> None:
    """A target that shares nothing makes exactly the calls of the question for each request, also concurrently."""

    def once(caller: BenchmarkCaller) -> None:
        _check_answer(url, question, caller)

    before = upstream.calls()
    with ThreadPoolExecutor(_CONCURRENCY) as pool:
        list(pool.map(once, callers[:_CONCURRENCY]))
    calls = upstream.calls() - before
    if not target.shares_runs and calls != question.upstream_calls * _CONCURRENCY:
        raise WrongAnswer(
            f"{_CONCURRENCY} times {question.name} made {calls} upstream calls, not {question.upstream_calls} each"
        )


def _check_refusals(target: Target, url: str, callers: list[BenchmarkCaller]) -> None:
    first, second = callers[0], callers[1]
    head, _, tail = first.token.rpartition(".")
    forged = f"{head}.{tail[:-8]}{'A' * 8}"
    for why, token in (("a forged token", forged), ("no token", None), ("another's token", second.token)):
        if (why == "another's token" and not target.checks_owner) or (why == "no token" and target.allows_anonymous):
            continue
        _, body, _ = ask(url, Q4, first.number, token)
        data = body.get("data") if isinstance(body, dict) else None
        if data and any(value is not None for value in data.values()):
            raise WrongAnswer(f"{Q4.name} was answered to {why}")
