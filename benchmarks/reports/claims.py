"""Builds the sentences about peers that Simpul is ahead of, from the rows of a run, at every number of connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.comparison import targets
from benchmarks.comparison.questions import QUESTIONS
from benchmarks.reports.results import Row

_ENOUGH = 2
"""Minimum measured numbers of connections for a claim."""

_PEERS_WITHOUT_SHARING = (
    *(targets.STRAWBERRY, targets.HIVE, targets.APOLLO, targets.TAILCALL_BATCHING),
    *(targets.MERCURIUS, targets.GRAFAST, targets.GRAFBASE_FEDERATED, targets.HANDWRITTEN),
)
_COMMON_QUESTIONS = frozenset(each.name for each in QUESTIONS)
COMPARED_WITH: Mapping[str, Sequence[str]] = {
    targets.SIMPUL.name: [each.name for each in _PEERS_WITHOUT_SHARING],
    targets.SIMPUL_COALESCING.name: [
        each.name for each in targets.TARGETS if not each.name.startswith("Simpul") and each is not targets.RAW
    ],
}
"""Without sharing, Simpul is compared with peers that share nothing (Tailcall's batches are accepted); as served, with
all."""


def build_claims(rows: Sequence[Row]) -> list[str]:
    """The claims about each question, in requests per processor second."""
    return [
        _build_claim(question, simpul, peers, [row for row in rows if row.query == question])
        for question in dict.fromkeys(row.query for row in rows if row.query in _COMMON_QUESTIONS)
        for simpul, peers in COMPARED_WITH.items()
    ]


def _build_claim(question: str, simpul: str, peers: Sequence[str], rows: Sequence[Row]) -> str:
    own = {row.connections: row for row in rows if row.target == simpul}
    subject = f"{question}, {simpul if simpul != targets.SIMPUL.name else f'{simpul} (sharing nothing)'}"
    if len(own) < _ENOUGH:
        return f"{subject}: no claim; it needs several numbers of connections."
    ahead, partly, behind = [], [], []
    for peer in peers:
        theirs = {row.connections: row for row in rows if row.target == peer}
        if not theirs:
            continue
        won = [count for count, row in own.items() if count in theirs and _is_ahead(row, theirs[count])]
        if len(won) == len(own):
            ahead.append(peer)
        elif won:
            partly.append(f"{peer} ({', '.join(map(str, won))} only)")
        else:
            behind.append(peer)
    parts = (
        [f"ahead of {_join_names(ahead)} at every number of connections ({', '.join(map(str, own))})"] if ahead else []
    )
    parts += [f"at some numbers of connections only ahead of {_join_names(partly)}"] if partly else []
    parts += [f"behind {_join_names(behind)} at every number"] if behind else []
    return f"{subject}: {'; '.join(parts) or 'no peer to compare with'}."


def _is_ahead(own: Row, theirs: Row) -> bool:
    """A row with failed requests supports no claim."""
    whole = not own.failed_requests and not theirs.failed_requests
    return whole and own.requests_per_cpu_second > theirs.requests_per_cpu_second


def _join_names(names: Sequence[str]) -> str:
    return ", ".join(names)
