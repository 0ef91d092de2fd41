"""What has to hold whatever fails; a fault run fails where it does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.faults import Kind
from tests.faults.answers import OF_STATE, OK, SHED, Answer, Outcome, quantile
from tests.faults.cells import STATE, WORKER, Result, Seen
from tests.faults.questions import OF_ONE

NOT_SLOWED: Final = 2.0
"""While an agency fails, the p99 of what does not need it stays below so many times its p99 before ..."""
NOISE_S: Final = 0.05
"""... and so much: what a machine that does something else takes away for a moment."""
NOISE_OF_MEDIAN_S: Final = 0.002
"""The same of a median."""
ALL_KNOW_S: Final = 2.0
"""Seconds within which the other processes have found out, too: each has a breaker of its own."""
_UNAVAILABLE: Final = 503
_OPENS: Final = frozenset({Kind.RESET, Kind.HALF_OPEN, Kind.TRUNCATED, Kind.ERROR, Kind.DRIP, Kind.REFUSE})
"""What opens a breaker: late answers are answers, and so are noes and rubbish."""
_OPENING: Final = 40
"""Failed questions by which a breaker must have opened: five in each process, and each fault begins anew."""
_ENOUGH: Final = 50
"""Answers of which a p99 says something."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A claim that does not hold, and what was seen."""

    claim: str
    seen: str


def broken(results: Sequence[Result], *, asks_always: str) -> list[Broken]:
    """Every claim that does not hold. `asks_always` is the hub that keeps no answers."""
    return [
        *_whatever_fails(results),
        *_others_are_left_alone(results),
        *_nobody_is_slowed(results),
        *_open_is_fast(results, asks_always),
        *_all_is_well_again(results),
    ]


def _all(seen: Seen) -> Iterator[Answer]:
    for answers in (seen.needed_before, seen.others_before, seen.needed, seen.others, seen.after):
        yield from answers


def _whatever_fails(results: Sequence[Result]) -> Iterator[Broken]:
    """No 500, no odd status, no connection that breaks, and nothing that is not so, or of somebody else."""
    for result in results:
        for hub, seen in result.hubs.items():
            odd = Counter(said for each in _all(seen) if (said := _odd(each, result.part)))
            yield from (
                Broken("only what may fail fails", f"{result.name}, {hub}: {times} x {what}")
                for what, times in odd.items()
            )


def _odd(answer: Answer, failing: str) -> str | None:
    """What is wrong with an answer, whatever fails; None where it may be so."""
    state_is_gone = failing == STATE
    codes = set(answer.codes.values())
    told = ", ".join(sorted(codes)) or "nothing said"
    if answer.untrue is not None:
        return f"{answer.question.name} says of {answer.untrue} what is not so"
    if answer.status == _UNAVAILABLE and (codes == {SHED} or (state_is_gone and codes and codes <= OF_STATE)):
        return None
    if answer.status == 0 and failing == WORKER:
        return None
    if answer.status != OK:
        return f"{answer.question.name}: HTTP {answer.status} with {told}"
    mine = state_is_gone and codes <= OF_STATE
    return f"{answer.question.name}: {told}" if answer.outcome is Outcome.FAILED and not mine else None


def _others_are_left_alone(results: Sequence[Result]) -> Iterator[Broken]:
    """What fails costs its own fields: no other agency is named in an error, and what needs it not is whole."""
    for result in results:
        if result.agency is None:
            continue
        for hub, seen in result.hubs.items():
            named = Counter(
                f"{agency} {code}"
                for each in (*seen.needed, *seen.others)
                for agency, code in each.codes.items()
                if agency != result.agency and code != SHED
            )
            less = sum(each.outcome is not Outcome.FULL for each in seen.others)
            if named or less:
                yield Broken("a failing agency costs its own fields", f"{result.name}, {hub}: {dict(named)}, {less}")


def _nobody_is_slowed(results: Sequence[Result]) -> Iterator[Broken]:
    """What does not need the agency that fails is as fast as before."""
    for hub in results[0].hubs if results else ():
        agencies = {each.agency for each in results if each.agency is not None}
        before = [a.seconds for each in results if each.agency for a in each.hubs[hub].others_before]
        for agency in sorted(agencies):
            mine = [each.hubs[hub] for each in results if each.agency == agency]
            during = [answer.seconds for seen in mine for answer in seen.others]
            if len(during) < _ENOUGH:
                continue
            then, now = quantile(before, 0.99), quantile(during, 0.99)
            if now > NOT_SLOWED * then + NOISE_S:
                told = f"{agency}, {hub}: p99 {then * 1000:.0f} ms before, {now * 1000:.0f} ms while it fails"
                yield Broken("what needs it not is not slowed", told)


def _open_is_fast(results: Sequence[Result], hub: str) -> Iterator[Broken]:
    """With a breaker open, answers come at least as fast as from a healthy agency."""
    for agency, question in OF_ONE.items():
        mine = [each for each in results if each.agency == agency]
        before = [a.seconds for each in mine for a in each.hubs[hub].needed_before if a.question is question]
        alone = [a.seconds for each in mine for a in _left_alone(each.hubs[hub], agency) if a.question is question]
        failed = [a for each in mine if each.kind in _OPENS for a in each.hubs[hub].needed if agency in a.codes]
        if len(failed) >= _OPENING and not any(agency in each.left_alone for each in failed):
            yield Broken("a breaker opens", f"{agency}: nobody was told that it is left alone")
        if not alone:
            continue
        for share, noise in ((0.5, NOISE_OF_MEDIAN_S), (0.99, NOISE_S)):
            then, now = quantile(before, share), quantile(alone, share)
            if now > then + noise:
                told = f"{agency}: p{share * 100:g} {now * 1000:.1f} ms, {then * 1000:.1f} ms while it was well"
                yield Broken("with a breaker open answers are at least as fast", told)


def _left_alone(seen: Seen, agency: str) -> list[Answer]:
    """The answers to what was asked while the breakers of all processes were open: some time after one was told of."""
    told = [each for each in seen.needed if agency in each.left_alone]
    opened = min((each.sent + each.seconds for each in told), default=0.0) + ALL_KNOW_S
    return [each for each in told if each.sent >= opened]


def _all_is_well_again(results: Sequence[Result]) -> Iterator[Broken]:
    for result in results:
        if result.recovery is None:
            yield Broken("all is well again without a restart", result.name)
        if result.struck == 0:
            yield Broken("the fault was there at all", result.name)
