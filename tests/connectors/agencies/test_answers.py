"""Every agency answers its samples as a person expects who read them: `samples/<code>/expected.json`."""

from __future__ import annotations

from typing import Any

from tests.connectors.agencies.agency_servers import AgencyServer
from tests.connectors.agencies.sample_cases import ask, find_reads, group_cases, list_record_fields, load_cases
from tests.connectors.failures import make_call

LACKING = {"open311": frozenset({"total"})}
"""Fields that the replies of a protocol cannot have."""


async def test_each_key_is_answered_as_expected(server: AgencyServer) -> None:
    reads = find_reads(server.source)
    async with server.connect(server.load_manifest()) as bound:
        for case in load_cases(server.source):
            server.running.reset_calls()
            [answer] = await ask(bound.connector, reads[case.read], [case])
            assert case.matches(answer), (case, answer)
            if case.calls is not None:
                assert sum(server.running.count_calls().values()) == case.calls, case


async def test_many_keys_are_answered_together_as_each_alone(server: AgencyServer) -> None:
    reads = find_reads(server.source)
    async with server.connect(server.load_manifest()) as bound:
        for cases in group_cases(load_cases(server.source)):
            answers = await ask(bound.connector, reads[cases[0].read], cases)
            wrong = [(case, got) for case, got in zip(cases, answers, strict=True) if not case.matches(got)]
            assert wrong == []


async def test_the_probe_answers(server: AgencyServer) -> None:
    async with server.connect(server.load_manifest()) as bound:
        await bound.connector.probe(make_call())


def test_samples_expect_an_answer_with_all_fields_of_each_record(server: AgencyServer) -> None:
    """A field that no sample fills could be mapped wrongly without a failed test."""
    reads, filled = find_reads(server.source), dict[type[Any], set[str]]()
    for case in load_cases(server.source):
        if case.is_answered:
            read = reads[case.read]
            for record in read.facets or (read.record,):
                found = case.answer.get(record.__name__) if read.facets else case.answer
                filled.setdefault(record, set()).update(_list_filled(found))
    for read in reads.values():
        for record in read.facets or (read.record,):
            expected = list_record_fields(record) - LACKING.get(server.source.manifest["wire"]["driver"], frozenset())
            assert expected - filled.get(record, set()) == set(), (read.name, record)


def _list_filled(answer: object) -> set[str]:
    if isinstance(answer, list):
        return {name for each in answer for name in _list_filled(each)}
    if isinstance(answer, dict):
        own = {name for name, value in answer.items() if value is not None}
        return own.union(*map(_list_filled, answer.values()))
    return set()
