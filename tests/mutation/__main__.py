"""Mutates the manifests of all agencies, and shows which mistakes their tests notice.

`python -m tests.mutation [CODE ...]`
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.connectors.agencies.agency_servers import AgencyServer, run_agency_server
from tests.connectors.agencies.sample_cases import find_reads, list_tested_agencies
from tests.mutation.judgement import MutantJudge
from tests.mutation.mutants import Mutant, MutantMaker

LEAST_SHARE = 0.95


@dataclass
class MutationScore:
    """What became of the mutants of one agency."""

    agency: str
    total: Counter[str] = field(default_factory=Counter)
    caught: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    survivors: list[Mutant] = field(default_factory=list)

    @property
    def share(self) -> float:
        return self.caught.total() / self.total.total()

    @property
    def critical_survivors(self) -> list[Mutant]:
        return [each for each in self.survivors if each.is_critical]


async def judge_all(server: AgencyServer, folder: Path) -> MutationScore:
    """MutantJudge every mutant of one agency."""
    score, judge = MutationScore(server.source.code), MutantJudge(server, folder)
    right = Mutant(kind="right", place="", change="", manifest=dict(server.source.manifest), is_critical=False)
    if (reason := await judge.find_reason(right)) is not None:
        raise AssertionError(f"the right manifest of {server.source.code} does not pass: {reason}")
    for mutant in MutantMaker(dict(server.source.manifest), find_reads(server.source)).list_all():
        score.total[mutant.kind] += 1
        reason = await judge.find_reason(mutant)
        if reason is None:
            score.survivors.append(mutant)
        else:
            score.caught[mutant.kind] += 1
            score.reasons[reason] += 1
    return score


def main(codes: Sequence[str]) -> int:
    """MutantJudge the agencies; the exit code is 1 if too many mutants survive."""
    logging.disable()
    scores = []
    for source in list_tested_agencies():
        if not codes or source.code in codes:
            with (
                tempfile.TemporaryDirectory(prefix="simpul-") as folder,
                run_agency_server(source, Path(folder)) as server,
            ):
                scores.append(asyncio.run(judge_all(server, Path(folder))))
                _print(scores[-1])
    return int(any(each.share < LEAST_SHARE or each.critical_survivors for each in scores))


def _print(score: MutationScore) -> None:
    print(f"{score.agency}: {score.caught.total()} of {score.total.total()} caught, {score.share:.1%}")  # noqa: T201 - the output of the program
    for kind, count in score.total.items():
        print(f"  {kind}: {score.caught[kind]} of {count}")  # noqa: T201 - same
    for reason, count in score.reasons.most_common():
        print(f"  caught by {reason}: {count}")  # noqa: T201 - same
    for each in score.survivors:
        print(f"  SURVIVES{' (critical)' if each.is_critical else ''} {each}")  # noqa: T201 - same


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
