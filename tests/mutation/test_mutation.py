"""Mistakes in manifests: how many of them the tests of agencies notice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import tests.mutation.judgement
from sandbox.stand_ins.sources import StandInSource
from tests.connectors.agencies.agency_servers import run_agency_server
from tests.connectors.agencies.sample_cases import find_reads, list_tested_agencies
from tests.mutation.__main__ import LEAST_SHARE, judge_all
from tests.mutation.judgement import MutantJudge
from tests.mutation.mutants import MutantMaker
from tests.mutation.statements import change_statement

AGENCIES = list_tested_agencies()
DECLARED = [each for each in AGENCIES if each.manifest.get("reads")]


@pytest.mark.parametrize("source", DECLARED, ids=lambda each: f"{each.city.name}-{each.code}")
def test_a_mutant_differs_from_the_right_manifest_and_from_every_other(source: StandInSource) -> None:
    right = dict(source.manifest)
    mutants = list(MutantMaker(right, find_reads(source)).list_all())
    assert [each for each in mutants if each.manifest == right] == []
    assert [place for place, count in Counter(map(str, mutants)).items() if count > 1] == []


def test_statements_are_changed_in_columns_keys_joins_and_conditions() -> None:
    statement = "SELECT a.x, b.y FROM a JOIN b ON b.id = a.id WHERE a.nik IN (:keys) AND a.open = 1"
    assert [change for change, _ in change_statement(statement)] == [
        "selects x <-> y",
        "asks by id",
        "asks by open",
        "asks by x",
        "asks by y",
        "joins every row",
        "without a.open = 1",
    ]


async def test_without_expected_answers_mistakes_survive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The oracle is what a person wrote: no answer of the right manifest is used."""
    [source] = [each for each in AGENCIES if each.code == "pangan"]
    mutants = [each for each in MutantMaker(dict(source.manifest), find_reads(source)).list_all() if each.is_critical]
    with run_agency_server(source, tmp_path) as server:
        noticed = await MutantJudge(server, tmp_path).find_reason(mutants[0])
        monkeypatch.setattr(tests.mutation.judgement, "load_cases", lambda _: [])
        unnoticed = await MutantJudge(server, tmp_path).find_reason(mutants[0])
    assert (noticed, unnoticed) == ("a wrong answer to many keys", None)


@pytest.mark.long
@pytest.mark.parametrize("source", DECLARED, ids=lambda each: f"{each.city.name}-{each.code}")
async def test_mistakes_in_a_manifest_are_noticed(source: StandInSource, tmp_path: Path) -> None:
    with run_agency_server(source, tmp_path) as server:
        score = await judge_all(server, tmp_path)
    assert [str(each) for each in score.critical_survivors] == []
    assert score.share >= LEAST_SHARE, [str(each) for each in score.survivors]
