"""Whether the tests that an agency gets with its samples notice a mutant.

Expected answers are those that a person wrote into `expected.json`; nothing is compared with the answers of the right
manifest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import tomli_w

from connectors.declared.domain_reads import DomainRead
from records.calls.failures import AgencyFailure
from settings.city.manifest import ManifestFile
from settings.city.problems import ManifestError
from tests.connectors.agencies.agency_servers import AgencyServer, build_terms
from tests.connectors.agencies.reply_relay import run_reply_relay
from tests.connectors.agencies.sample_cases import (
    SampleCase,
    ask,
    find_reads,
    group_cases,
    is_copied,
    is_of_person,
    load_cases,
)
from tests.connectors.failures import make_call
from tests.mutation.mutants import Mutant
from wiring.agencies import BoundAgency


@dataclass(frozen=True)
class MutantJudge:
    """Judges the mutants of one running agency."""

    server: AgencyServer
    folder: Path

    async def find_reason(self, mutant: Mutant) -> str | None:
        """What noticed the mutant; None if nothing did."""
        path = self.folder / f"{self.server.source.code}.toml"
        path.write_text(tomli_w.dumps(mutant.manifest), encoding="utf-8")
        try:
            manifest = self.server.load_manifest(path=path)
            async with self.server.connect(manifest) as bound:
                if reason := await self._find_wrong_answer(bound):
                    return reason
        except ManifestError:
            return "refused at the start"
        return await self._find_leak(path)

    async def _find_wrong_answer(self, bound: BoundAgency) -> str | None:
        reads = find_reads(self.server.source)
        for cases in group_cases(load_cases(self.server.source)):
            if await self._is_wrong(bound, reads[cases[0].read], cases):
                return "a wrong answer to many keys"
            for case in cases:
                self.server.running.reset_calls()
                if await self._is_wrong(bound, reads[case.read], [case]):
                    return "a wrong answer to one key"
                if case.calls is not None and sum(self.server.running.count_calls().values()) != case.calls:
                    return "a wrong number of calls"
        try:
            await bound.connector.probe(make_call())
        except AgencyFailure:
            return "the probe fails"
        return None

    async def _is_wrong(self, bound: BoundAgency, read: DomainRead, cases: list[SampleCase]) -> bool:
        try:
            answers = await ask(bound.connector, read, cases)
        except Exception:  # noqa: BLE001 - any error of a wrong manifest is noticed
            return True
        return not all(case.matches(answer) for case, answer in zip(cases, answers, strict=True))

    async def _find_leak(self, path: Path) -> str | None:
        """Whether a reply about another person is accepted. Rows of a copy are found by the number that they hold."""
        if is_copied(self.server.source):
            return None
        reads = find_reads(self.server.source)
        async with run_reply_relay(self.server.running.port) as relay:
            manifest: ManifestFile = self.server.load_manifest(relay.port, path)
            for case in load_cases(self.server.source):
                if is_of_person(reads[case.read]) and case.is_answered:
                    async with self.server.connect(manifest, build_terms(manifest, failures=1)) as bound:
                        relay.in_replies = case.key.encode(), f"{case.key[:-4]}9876".encode()
                        rejected = replace(case, answer={"failure": "AGENCY_MALFORMED"})
                        is_wrong = await self._is_wrong(bound, reads[case.read], [rejected])
                        if not relay.replaced:
                            continue  # replies do not repeat the number; messages are matched in another way
                        if is_wrong or bound.gate.counts.mismatches != 1:
                            return "a reply about another person is accepted"
        return None
