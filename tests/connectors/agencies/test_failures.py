"""Every agency in every kind of failure: the code, what counts at the breaker, and no data of other people.

The rules are the same for all agencies (`docs/operators/agency-terms.md`, "Breaker"). An agency gets these tests with
its samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

import pytest

from connectors.declared.domain_reads import DomainRead
from connectors.resilience.breaker import BreakerState
from records.calls.failures import AgencyFailure
from sandbox.fault_proxy import HTTP_FAULTS, FaultKind, WireFault, run_fault_proxy
from sandbox.stand_ins.sources import StandInSource
from tests.connectors.agencies.agency_servers import DEADLINE, AgencyServer, build_terms, load_snapshots
from tests.connectors.agencies.reply_relay import run_reply_relay
from tests.connectors.agencies.sample_cases import (
    SampleCase,
    ask,
    call_read,
    find_reads,
    is_copied,
    is_of_person,
    load_cases,
    parse_key,
)
from tests.connectors.failures import assert_reveals_nothing, make_call
from tests.sandbox_agencies import free_port
from wiring.agencies import BoundAgency

UNAVAILABLE, TIMEOUT, REFUSED, MALFORMED = "AGENCY_UNAVAILABLE", "AGENCY_TIMEOUT", "AGENCY_REFUSED", "AGENCY_MALFORMED"
WIRE_FAULTS = {
    FaultKind.REFUSE: {UNAVAILABLE},
    FaultKind.RESET: {UNAVAILABLE},
    FaultKind.HALF_OPEN: {TIMEOUT},
    FaultKind.DRIP: {TIMEOUT},
    FaultKind.GARBAGE: {UNAVAILABLE, MALFORMED},
    FaultKind.TRUNCATED: {UNAVAILABLE, MALFORMED},
    FaultKind.GARBAGE_BODY: {MALFORMED},
    FaultKind.ERROR: {UNAVAILABLE},
    FaultKind.THROTTLED: {REFUSED},
}
"""The codes by fault. Damaged bytes are either a broken connection or an unreadable reply, as the protocol has it."""
MODES = {"error": {UNAVAILABLE}, "rubbish": {MALFORMED, UNAVAILABLE}, "refuse": {REFUSED}, "slow": {TIMEOUT}}
"""The codes by mode of the agency itself (`sandbox/control.py`)."""
FAILURES = 3


def has_tokens(server: AgencyServer) -> bool:
    """Whether the hub fetches access tokens for the agency."""
    return "oauth2" in server.source.manifest["wire"].get("credential", {})


def choose_deadline(codes: set[str]) -> float:
    """Seconds of a call. A call that must time out needs few; any other has time on a busy machine, too."""
    return 0.2 if codes == {TIMEOUT} else DEADLINE


async def collect_codes(bound: BoundAgency, server: AgencyServer) -> list[str]:
    """The codes of as many failed calls as open the breaker, over all reads. Each must fail and reveal nothing.

    On a busy machine, a call may begin late in its short time; its timeout is then not held against the agency. And a
    snapshot may still load, whose failure counts too.
    """
    reads = find_reads(server.source)
    codes: list[str] = []
    for case in islice(cycle(list_first(list_failing_cases(server.source))), 3 * FAILURES):
        if bound.gate.breaker_state is BreakerState.OPEN or (len(codes) >= FAILURES and codes[-1] != TIMEOUT):
            break
        codes.append((await find_failure(bound, reads[case.read], case)).code)
    return codes


async def find_failure(bound: BoundAgency, read: DomainRead, case: SampleCase) -> AgencyFailure:
    """The failure of a key, or of its call, which reveals nothing."""
    try:
        failure = (await call_read(bound.connector, read, [case])).get(parse_key(read, case.key))
    except AgencyFailure as failed:
        failure = failed
    assert isinstance(failure, AgencyFailure), f"{case.read} was answered: {failure!r}"
    assert_reveals_nothing(failure)
    return failure


def list_failing_cases(source: StandInSource) -> list[SampleCase]:
    """The cases of reads that fail with the agency: copies go on answering, where an agency is asked, too."""
    copied = (
        set() if is_copied(source) else {name for name, each in source.manifest["reads"].items() if "snapshot" in each}
    )
    return [each for each in load_cases(source) if each.read not in copied]


def list_first(cases: Iterable[SampleCase]) -> list[SampleCase]:
    """The first case of each read whose key the agency knows."""
    return list({each.read: each for each in reversed(list(cases)) if each.is_answered}.values())


def build_fault(kind: FaultKind) -> WireFault:
    """The fault; its bytes drip faster than the deadline passes."""
    return WireFault(kind=kind, seconds=0.1 if kind is FaultKind.DRIP else 1.0)


@pytest.mark.parametrize("kind", WIRE_FAULTS, ids=lambda each: each.value)
async def test_a_fault_on_the_wire_has_its_code_and_opens_the_breaker(
    asked_server: AgencyServer, kind: FaultKind
) -> None:
    if kind in HTTP_FAULTS and asked_server.source.driver == "sql":
        return
    async with run_fault_proxy(port=free_port(), to=asked_server.running.port) as proxy:
        manifest = asked_server.load_manifest(proxy.port)
        deadline = DEADLINE if has_tokens(asked_server) else choose_deadline(WIRE_FAULTS[kind])
        async with asked_server.connect(manifest, build_terms(manifest, failures=FAILURES, deadline=deadline)) as bound:
            if has_tokens(asked_server):
                await bound.connector.probe(make_call())  # fetches one: a token endpoint fails in its own way
            await proxy.inject(build_fault(kind))
            assert set(await collect_codes(bound, asked_server)) <= WIRE_FAULTS[kind]
            is_open = bound.gate.breaker_state is BreakerState.OPEN
            assert is_open == (WIRE_FAULTS[kind] != {REFUSED})


@pytest.mark.parametrize("mode", MODES)
async def test_a_failing_agency_has_its_code_and_opens_the_breaker(asked_server: AgencyServer, mode: str) -> None:
    manifest = asked_server.load_manifest()
    deadline = choose_deadline(MODES[mode])
    async with asked_server.connect(manifest, build_terms(manifest, failures=FAILURES, deadline=deadline)) as bound:
        with asked_server.running.in_mode(mode):
            assert set(await collect_codes(bound, asked_server)) <= MODES[mode]
        assert (bound.gate.breaker_state is BreakerState.OPEN) == (mode != "refuse")


async def test_an_agency_answers_again_after_a_failure(asked_server: AgencyServer) -> None:
    reads, [first, *_] = find_reads(asked_server.source), list_first(list_failing_cases(asked_server.source))
    async with asked_server.connect(asked_server.load_manifest()) as bound:
        with asked_server.running.in_mode("error"):
            assert await ask(bound.connector, reads[first.read], [first]) == [{"failure": UNAVAILABLE}]
        [answer] = await ask(bound.connector, reads[first.read], [first])
        assert first.matches(answer)


async def test_an_agency_that_stopped_answers_again_after_its_restart(asked_server: AgencyServer) -> None:
    reads, [first, *_] = find_reads(asked_server.source), list_first(list_failing_cases(asked_server.source))
    async with asked_server.connect(asked_server.load_manifest()) as bound:
        [before] = await ask(bound.connector, reads[first.read], [first])
        asked_server.running.stop()
        try:
            assert await ask(bound.connector, reads[first.read], [first]) == [{"failure": UNAVAILABLE}]
        finally:
            asked_server.running.restart()
        assert await ask(bound.connector, reads[first.read], [first]) == [before]


async def test_wrong_credentials_are_refused_and_not_shown(asked_server: AgencyServer) -> None:
    if not asked_server.has_credential:
        return
    manifest = asked_server.load_manifest(secret="kata-sandi-salah")
    async with asked_server.connect(manifest, build_terms(manifest, failures=FAILURES)) as bound:
        [first, *_] = list_first(list_failing_cases(asked_server.source))
        refused = await find_failure(bound, find_reads(asked_server.source)[first.read], first)
    has_secret_there = "client_secret" in asked_server.credential.get("oauth2", {})  # at the token endpoint
    assert refused.code == (UNAVAILABLE if has_secret_there else REFUSED)
    assert_reveals_nothing(refused, "kata-sandi-salah")


async def test_a_reply_without_an_end_is_malformed_and_opens_the_breaker(asked_server: AgencyServer) -> None:
    async with run_reply_relay(asked_server.running.port) as relay:
        manifest = asked_server.load_manifest(relay.port)
        async with asked_server.connect(manifest, build_terms(manifest, failures=FAILURES)) as bound:
            await bound.connector.probe(make_call())
            relay.is_endless = True
            code, *more = await collect_codes(bound, asked_server)
            assert code == MALFORMED
            assert {*more} <= {MALFORMED, UNAVAILABLE}  # over a new connection, the login may fail before
            assert bound.gate.breaker_state is BreakerState.OPEN


def list_person_cases(server: AgencyServer) -> list[SampleCase]:
    reads = find_reads(server.source)
    return [each for each in list_first(load_cases(server.source)) if is_of_person(reads[each.read])]


def alter(number: str) -> str:
    """Another number of the same length, which no sample has."""
    return f"{number[:-4]}9876"


async def test_a_reply_about_another_person_is_malformed_and_counted(asked_server: AgencyServer) -> None:
    reads = find_reads(asked_server.source)
    async with run_reply_relay(asked_server.running.port) as relay:
        for case in list_person_cases(asked_server):
            manifest = asked_server.load_manifest(relay.port)
            async with asked_server.connect(manifest, build_terms(manifest, failures=1)) as bound:
                relay.in_replies = case.key.encode(), alter(case.key).encode()
                answer = await ask(bound.connector, reads[case.read], [case])
                if not relay.replaced:
                    continue  # replies do not repeat the number; messages are matched in another way
                assert answer == [{"failure": MALFORMED}], case.read
                assert (bound.gate.counts.mismatches, bound.gate.breaker_state) == (1, BreakerState.OPEN), case.read


async def test_a_person_that_the_agency_leaves_out_costs_no_other_person_the_answer(asked_server: AgencyServer) -> None:
    reads = find_reads(asked_server.source)
    if "{body_sha256}" in asked_server.credential.get("signature", {}).get("signed", ""):
        return  # the agency notices a changed request
    async with run_reply_relay(asked_server.running.port) as relay:
        for case in list_person_cases(asked_server):
            async with asked_server.connect(asked_server.load_manifest(relay.port)) as bound:
                missing = replace(case, key=alter(case.key), answer=None)
                relay.in_requests = missing.key.encode(), missing.key.replace("9876", "9875").encode()
                found, absent = await ask(bound.connector, reads[case.read], [case, missing])
                assert case.matches(found), case.read
                assert absent in (None, []), case.read


async def test_a_copy_goes_on_answering_while_its_source_fails_in_any_way(copied_service: AgencyServer) -> None:
    reads, cases = find_reads(copied_service.source), list_first(load_cases(copied_service.source))
    async with run_fault_proxy(port=free_port(), to=copied_service.running.port) as proxy:
        manifest = copied_service.load_manifest(proxy.port)
        async with copied_service.connect(manifest, build_terms(manifest, deadline=DEADLINE)) as bound:
            for kind in WIRE_FAULTS:
                before = proxy.faulted_exchanges
                await proxy.inject(build_fault(kind))
                problems = await load_snapshots(bound)
                assert all(problems), f"the source was loaded in spite of {kind.value}"
                assert proxy.faulted_exchanges > before, f"the source failed without {kind.value}"
                for case in cases:
                    [answer] = await ask(bound.connector, reads[case.read], [case])
                    assert case.matches(answer), f"{case.read} during {kind.value}"


async def test_without_a_first_copy_its_reads_fail(copied_server: AgencyServer) -> None:
    manifest = copied_server.load_manifest()
    with copied_server.running.in_mode("error"):
        async with copied_server.connect(manifest, build_terms(manifest, deadline=DEADLINE)) as bound:
            assert set(await collect_codes(bound, copied_server)) == {UNAVAILABLE}


async def test_a_source_without_an_end_is_not_published(copied_service: AgencyServer) -> None:
    async with run_reply_relay(copied_service.running.port) as relay:
        manifest = copied_service.load_manifest(relay.port)
        async with copied_service.connect(manifest, build_terms(manifest)) as bound:
            relay.is_endless = True
            assert all(await load_snapshots(bound))
            await bound.connector.probe(make_call())


def cut_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def lose_one_row(path: Path) -> None:
    """A whole file, in which a row in the middle is missing."""
    lines = path.read_bytes().splitlines(keepends=True)
    del lines[len(lines) // 2 - 1]
    path.write_bytes(b"".join(lines))


def grow_without_end(path: Path) -> None:
    with path.open("rb+") as file:
        file.truncate(5 * 1024**3)  # without a byte on the disk


def replace_by_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


DROP_FAULTS: Mapping[str, Callable[[Path], object]] = {
    "cut": cut_half,
    "a lost row": lose_one_row,
    "empty": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(b"\xff\xfe\x00<html>" * 1000),
    "huge": grow_without_end,
    "a link": replace_by_link,
    "missing": Path.unlink,
}


@pytest.mark.parametrize("fault", DROP_FAULTS)
async def test_a_damaged_file_is_not_published_and_the_copy_goes_on_answering(
    drop_server: AgencyServer, fault: str
) -> None:
    reads, cases = find_reads(drop_server.source), list_first(load_cases(drop_server.source))
    manifest = drop_server.load_manifest()
    async with drop_server.connect(manifest, build_terms(manifest)) as bound:
        try:
            for path in [each for each in drop_server.drop.iterdir() if each.stat().st_size]:
                if path.suffix != ".sha256":
                    DROP_FAULTS[fault](path)
            problems = await load_snapshots(bound)
            # A personal file is removed once it is loaded.
            is_removed = fault == "missing" and manifest.manifest.contract is not None
            assert not any(problems) if is_removed else all(problems), "the damaged file was loaded"
            for case in cases:
                [answer] = await ask(bound.connector, reads[case.read], [case])
                assert case.matches(answer), case.read
        finally:
            drop_server.running.set_mode("normal")  # which writes all files again


MARKERS = {".selesai": "marker", ".sha256": "checksum"}
"""Endings of files that say that another is complete."""


async def test_a_file_is_read_when_its_marker_says_that_it_is_complete(drop_server: AgencyServer) -> None:
    manifest = drop_server.load_manifest()
    async with drop_server.connect(manifest, build_terms(manifest)) as bound:
        markers = {each: each.read_bytes() for each in drop_server.drop.iterdir() if each.suffix in MARKERS}
        for each in markers:
            each.unlink()
        problems = await load_snapshots(bound)
        missing = {f"its {MARKERS[each.suffix]} {each.name} is missing" for each in markers}
        assert {each.partition(": ")[2].partition(" (")[0] for each in problems} == missing, problems
        for each, content in markers.items():
            each.write_bytes(content)
        assert set(await load_snapshots(bound)) == {""}
