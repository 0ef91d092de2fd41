"""What has to hold whatever fails; a fault run fails where it does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sandbox.fault_proxy import FaultKind
from tests.faults.answers import OK, SHED, STATE_CODES, AnswerOutcome, FaultAnswer, compute_quantile
from tests.faults.cells import STATE, WORKER, CellAnswers, FaultResult
from tests.faults.questions import OF_ONE

MAX_SLOWDOWN: Final = 2.0
"""While an agency fails, the p99 of queries without it stays below this multiple of its p99 before ..."""
NOISE_S: Final = 0.05
"""... and so much: what a machine that does something else takes away for a moment."""
NOISE_OF_MEDIAN_S: Final = 0.002
"""The same of a median."""
BREAKER_SPREAD_S: Final = 2.0
"""Seconds within which the other processes have detected it, too: each has its own breaker."""
_UNAVAILABLE: Final = 503
_OPENS: Final = frozenset(
    {FaultKind.RESET, FaultKind.HALF_OPEN, FaultKind.TRUNCATED, FaultKind.ERROR, FaultKind.DRIP, FaultKind.REFUSE}
)
"""What opens a breaker: late answers are answers, and so are noes and rubbish."""
_OPENING: Final = 40
"""Failed queries after which a breaker must be open: five in each process, again for each fault."""
_ENOUGH: Final = 50
"""Answers of which a p99 says something."""


@dataclass(frozen=True, slots=True)
class BrokenClaim:
    """A claim that does not hold, and what was seen."""

    claim: str
    seen: str


def find_broken_claims(results: Sequence[FaultResult], *, asks_always: str) -> list[BrokenClaim]:
    """Every claim that does not hold. `asks_always` is the hub that keeps no answers."""
    return [
        *_check_every_answer(results),
        *_check_other_agencies(results),
        *_check_speed(results),
        *_check_open_breaker(results, asks_always),
        *_check_recovery(results),
    ]


def _all_answers(seen: CellAnswers) -> Iterator[FaultAnswer]:
    for answers in (seen.needed_before, seen.others_before, seen.needed, seen.others, seen.after):
        yield from answers


def _check_every_answer(results: Sequence[FaultResult]) -> Iterator[BrokenClaim]:
    """No 500, no odd status, no connection that breaks, and nothing that is not so, or of somebody else."""
    for result in results:
        for hub, seen in result.hubs.items():
            odd = Counter(violation for each in _all_answers(seen) if (violation := _find_violation(each, result.part)))
            yield from (
                BrokenClaim("only what may fail fails", f"{result.name}, {hub}: {times} x {what}")
                for what, times in odd.items()
            )


def _find_violation(answer: FaultAnswer, failing: str) -> str | None:
    """What is wrong with an answer, whatever fails; None where it may be so."""
    state_is_gone = failing == STATE
    codes = set(answer.codes.values())
    text = ", ".join(sorted(codes)) or "nothing said"
    if answer.wrong_field is not None:
        return f"{answer.question.name} says of {answer.wrong_field} what is not so"
    if answer.status == _UNAVAILABLE and (codes == {SHED} or (state_is_gone and codes and codes <= STATE_CODES)):
        return None
    if answer.status == 0 and failing == WORKER:
        return None
    if answer.status != OK:
        return f"{answer.question.name}: HTTP {answer.status} with {text}"
    mine = state_is_gone and codes <= STATE_CODES
    return f"{answer.question.name}: {text}" if answer.outcome is AnswerOutcome.FAILED and not mine else None


def _check_other_agencies(results: Sequence[FaultResult]) -> Iterator[BrokenClaim]:
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
            less = sum(each.outcome is not AnswerOutcome.FULL for each in seen.others)
            if named or less:
                yield BrokenClaim(
                    "a failing agency costs its own fields", f"{result.name}, {hub}: {dict(named)}, {less}"
                )


def _check_speed(results: Sequence[FaultResult]) -> Iterator[BrokenClaim]:
    """What does not need the agency that fails is as fast as before."""
    for hub in results[0].hubs if results else ():
        agencies = {each.agency for each in results if each.agency is not None}
        before = [a.seconds for each in results if each.agency for a in each.hubs[hub].others_before]
        for agency in sorted(agencies):
            mine = [each.hubs[hub] for each in results if each.agency == agency]
            during = [answer.seconds for seen in mine for answer in seen.others]
            if len(during) < _ENOUGH:
                continue
            then, now = compute_quantile(before, 0.99), compute_quantile(during, 0.99)
            if now > MAX_SLOWDOWN * then + NOISE_S:
                text = f"{agency}, {hub}: p99 {then * 1000:.0f} ms before, {now * 1000:.0f} ms while it fails"
                yield BrokenClaim("what needs it not is not slowed", text)


def _check_open_breaker(results: Sequence[FaultResult], hub: str) -> Iterator[BrokenClaim]:
    """With a breaker open, answers come at least as fast as from a healthy agency."""
    for agency, question in OF_ONE.items():
        mine = [each for each in results if each.agency == agency]
        before = [a.seconds for each in mine for a in each.hubs[hub].needed_before if a.question is question]
        open_breaker_times = [
            a.seconds
            for each in mine
            for a in _answers_behind_open_breaker(each.hubs[hub], agency)
            if a.question is question
        ]
        failed = [a for each in mine if each.kind in _OPENS for a in each.hubs[hub].needed if agency in a.codes]
        if len(failed) >= _OPENING and not any(agency in each.open_breakers for each in failed):
            yield BrokenClaim("a breaker opens", f"{agency}: no answer said that its breaker is open")
        if not open_breaker_times:
            continue
        for share, noise in ((0.5, NOISE_OF_MEDIAN_S), (0.99, NOISE_S)):
            then, now = compute_quantile(before, share), compute_quantile(open_breaker_times, share)
            if now > then + noise:
                text = f"{agency}: p{share * 100:g} {now * 1000:.1f} ms, {then * 1000:.1f} ms while it was well"
                yield BrokenClaim("with a breaker open answers are at least as fast", text)


def _answers_behind_open_breaker(seen: CellAnswers, agency: str) -> list[FaultAnswer]:
    """The answers to queries while the breakers of all processes were open: some time after the first open one."""
    first_answers = [each for each in seen.needed if agency in each.open_breakers]
    opened = min((each.sent + each.seconds for each in first_answers), default=0.0) + BREAKER_SPREAD_S
    return [each for each in first_answers if each.sent >= opened]


def _check_recovery(results: Sequence[FaultResult]) -> Iterator[BrokenClaim]:
    for result in results:
        if result.recovery is None:
            yield BrokenClaim("all is well again without a restart", result.name)
        if result.faulted_exchanges == 0:
            yield BrokenClaim("the fault was there at all", result.name)
