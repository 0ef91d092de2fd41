"""Where cases come from: each source reads the records of one kind, and describes each as a case.

A new kind of matter is one more source: its reads, and a function from a person's records to cases.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from auth.caller import Caller
from auth.policy.decision import get_represented_person
from auth.policy.rules import Rule
from engine.agencies.agency_codes import HUB
from engine.agencies.agency_routing import RoutedKey
from engine.agencies.routing_log import MissingPart
from engine.batch import Batch, load_answers
from engine.errors import SafeError
from records.calls.failures import AgencyFailure
from records.cases import Case, CaseAction, CaseKey, CaseKind
from records.identifiers import Nik
from records.languages import Language, TranslatedEnum
from resolvers.batch_context import HubBatchContext
from resolvers.cases.captions import Caption
from resolvers.hub.agency_directory import AgencyDirectory
from resolvers.hub.commands import Commands

MAX_OF_KIND = 500
"""Maximum number of records of the hub that a source reads for one person, newest first."""


class SourceAnswer(NamedTuple):
    """The answer of one agency."""

    agency: str
    """Its code, or `hub`."""
    answer: Any


@dataclass(frozen=True, kw_only=True)
class CaseSource:
    """The source of the cases of one kind."""

    kind: CaseKind
    rules: Rule
    """Who may read them, of the person, a guardian and an assistant: as the published type of the records says."""
    reads: tuple[Batch[Any, Any], ...]
    """All batches that it reads. It has no cases where none of them is answered."""
    load: Callable[[CaseReading], Awaitable[Sequence[Case]]]


@dataclass(slots=True, kw_only=True)
class CaseReading:
    """Reads the records of one person for a source, and collects what is missing."""

    source: CaseSource
    person: Nik
    context: HubBatchContext
    missing: dict[MissingPart, Exception] = field(default_factory=dict)
    """The agencies that did not answer, with their failures."""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def language(self) -> Language:
        """The language of texts for the caller."""
        return self.context.call.language

    @property
    def rule(self) -> Rule:
        """The rule by which the caller reads."""
        return get_reading_rule(self.context.caller, self.person)

    async def read(self, batch: Batch[Any, Any], key: Any) -> Sequence[SourceAnswer]:  # noqa: ANN401 - any key
        """The answers of all agencies that have one, read concurrently. Raises failures that callers may not read."""
        agencies = self.context.agencies
        if not agencies.codes.answers(batch.domain, batch.domain_read):
            return ()
        router = None if batch.domain is None else agencies.routers.get(batch.domain)
        code_of: dict[Any, str] = {key: agencies.codes.get(batch.domain) or HUB}
        if router is not None:
            code_of = {RoutedKey(key, (code,)): code for code in router.find_serving(batch.domain_read, ())}
        try:
            answers = await load_answers(batch, list(code_of), self.context, self.context.recorder)
        except (AgencyFailure, SafeError) as failure:
            answers = dict.fromkeys(code_of, failure)
        absent = batch.get_absent_answer()
        found = [SourceAnswer(code, answers.get(asked, absent)) for asked, code in code_of.items()]
        for code, answer in found:
            if isinstance(answer, AgencyFailure | SafeError):
                self.missing[MissingPart(code, answer.code)] = answer
            elif isinstance(answer, Exception):
                raise answer
        return [each for each in found if each.answer is not None and not isinstance(each.answer, Exception)]

    def build_key(self, agency: str, id_: str) -> CaseKey:
        """The key of a case."""
        return CaseKey(person=self.person, kind=self.source.kind, agency=agency, id=id_)

    def say(self, caption: Caption, **values: str) -> str:
        """The caption in the language of the request."""
        return caption.in_language(self.language, **values)

    def name(self, agency: str) -> str:
        """The name of an agency, or of the hub."""
        return self.context.agencies[AgencyDirectory].get_name(agency, self.language)

    def build_action(self, name: str, reason: Caption | TranslatedEnum | None) -> CaseAction:
        """A mutation with the reason against it, if there is one."""
        text = self.say(reason) if isinstance(reason, Caption) else reason and reason.get_text(self.language)
        return CaseAction(name=name, allowed=text is None, reason=text)

    def offers(self, agency: str, command: str) -> bool:
        """Whether an agency takes a command."""
        return self.context.agencies[Commands].offers(agency, command)


def get_reading_rule(caller: Caller, person: Nik) -> Rule:
    """The rule by which a caller reads a person's cases, which the guard of the field has allowed."""
    if get_represented_person(caller) != person:
        return Rule.GUARDIAN
    return Rule.SELF if caller.on_behalf_of is None else Rule.ASSISTANT
