"""A city of three people in memory: connectors of every domain that remember what they were asked.

For tests of what stands above the connectors. The agencies themselves are asked in tests/connectors and tests/journeys.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from time import monotonic
from types import MappingProxyType
from typing import Any, TypeVar

from auth.caller import Caller
from connectors.declared.domain_reads import list_reads
from engine.agencies.bindings import Agencies
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyUnavailable
from records.cases import CaseKey
from records.complaint_questions import ComplaintQuestion
from records.complaint_searches import ComplaintSearch, FoundComplaints
from records.complaint_surveys import ComplaintSurvey, SurveyedComplaints
from records.complaints import (
    CategoryQuery,
    Complaint,
    ComplaintCategory,
    ComplaintPage,
    ComplaintQuery,
)
from records.education import KjpAccount, Student
from records.hub.access_entries import AccessEntryPage, AccessEntryQuery
from records.hub.access_history import AccessLogPage, AccessLogQuery
from records.hub.commands import CommandProblem, CommandReceipt, NewCommand, SubmittedCommand
from records.hub.consenting import Consenting
from records.hub.consents import (
    Consent,
    ConsentAnswer,
    ConsentGrant,
    ConsentPage,
    ConsentQuery,
    ConsentRequest,
    ConsentState,
    PersonalConsentKey,
)
from records.hub.data_preferences import DataPreferences
from records.hub.data_requests import (
    DataRequest,
    DataRequestAnswer,
    DataRequestPage,
    DataRequestQuery,
    DataRequestState,
    DataRequestWithdrawal,
    NewDataRequest,
    WaitingDataRequests,
)
from records.hub.exports import Export
from records.identifiers import Nik, RegionCode, Rupiah
from records.languages import Language
from records.msmes import Msme, Product
from records.partners import Partner, PartnerQuery
from records.population import (
    Citizen,
    Household,
    PersonFacet,
)
from records.prices import (
    Commodity,
    CommodityQuery,
    Market,
    MarketQuery,
    Price,
    Trend,
    TrendPoint,
    TrendQuery,
)
from records.regions import CodeSystem, Region, RegionQuery
from records.tax import TaxObject
from resolvers.domains import find_domains
from resolvers.hub.access_entries import AccessEntries
from resolvers.hub.access_history import AccessHistories
from resolvers.hub.agency_directory import AgencyDirectory
from resolvers.hub.case_marks import CaseMark, CaseMarks, CasesUnavailable, LastSeen
from resolvers.hub.commands import Commands
from resolvers.hub.confirmations import Confirmations
from resolvers.hub.consents import Consents, UnknownConsent
from resolvers.hub.data_preferences import PeoplePreferences, PreferencesUnavailable
from resolvers.hub.data_requests import DataRequests
from resolvers.hub.exports import Exports
from resolvers.hub.partners import PartnerDirectory
from resolvers.regions import Regions
from tests.fakes.city import build_codes, build_lifetimes
from tests.fakes.sample_records import build_sample
from tests.fakes.small_records import (
    AYU,
    BUDI,
    CATEGORY,
    COMMODITY,
    CONSENT,
    MARKET,
    NOW,
    PRICE,
    PRIVATE,
    PUBLIC,
    QUESTIONS,
    REGIONS,
    REQUEST,
    SITI,
    access_entry,
    access_log_entry,
    complaint,
    consent,
    consent_request,
    data_request,
    facets,
    household,
    kjp_account,
    msme,
    product,
    receipt,
    student,
    tax_object,
)

K = TypeVar("K")
V = TypeVar("V")


def _consents_to(client: str | None, consents: tuple[Consent, ...]) -> tuple[Consent, ...]:
    return tuple(each for each in consents if each.client == client)


_OTHER_READS = {
    name: (build_codes().get(domain) or "", read)
    for domain in find_domains().values()
    for name, read in list_reads(domain).items()
}
"""All reads with the code of their agency; those without a fake have a sample for every key."""


@dataclass
class SmallCity:
    """The connectors. `calls` holds (agency, question, keys) of every call; `failing_agencies` those that fail."""

    calls: list[tuple[str, str, tuple[Any, ...]]] = field(default_factory=list)
    failing_agencies: set[str] = field(default_factory=set)
    wanted_facets: list[frozenset[type[Any]]] = field(default_factory=list)
    """What each question for facets wanted."""
    failures: dict[Any, AgencyFailure] = field(default_factory=dict)
    """Keys whose answer is a failure of their own."""
    ayu_born: date = date(1990, 6, 5)
    preferences: dict[Nik, DataPreferences] = field(default_factory=dict)
    """What people said about the use of their data."""
    cases: dict[str, frozenset[Nik]] | None = None
    """The people of each open case; without it, every case is open and covers all people."""
    preference_queries: list[tuple[Nik, ...]] = field(default_factory=list)
    """The people that it was asked about; the hub knows the answer, so it is no call to an agency."""
    consent_changes: list[ConsentGrant | PersonalConsentKey] = field(default_factory=list)
    """What people answered and took back."""
    consent_queries: list[tuple[str, ...]] = field(default_factory=list)
    """About which consents partners asked."""
    tries_left: int = 10
    """How often may be compared."""

    filed_requests: list[NewDataRequest] = field(default_factory=list)
    withdrawn_requests: list[DataRequestWithdrawal] = field(default_factory=list)
    """What people asked about their own data, and took back."""
    waiting_queries: list[WaitingDataRequests] = field(default_factory=list)
    answered_requests: list[DataRequestAnswer] = field(default_factory=list)
    """What officials looked for, and answered."""
    accepted_commands: list[NewCommand] = field(default_factory=list)
    open_changes: list[SubmittedCommand] = field(default_factory=list)
    """Open commands about earlier matters."""
    receipts: list[CommandReceipt] = field(default_factory=list)
    """Receipts beside the usual one."""
    offered_commands: frozenset[str] = frozenset()
    """The commands that every agency takes."""
    case_marks: dict[CaseKey, bytes] = field(default_factory=dict)
    """The versions that people have seen of their cases."""

    def agencies(self, own: Mapping[type[Any], Any] = MappingProxyType({})) -> Agencies:
        """Itself, bound to every domain but those that are given."""
        city: tuple[type[Any], ...] = (*find_domains().values(), Regions)
        domains: tuple[type[Any], ...] = (
            *city,
            AccessHistories,
            AccessEntries,
            PeoplePreferences,
            Consents,
            DataRequests,
            Exports,
            Commands,
            Confirmations,
            CaseMarks,
            AgencyDirectory,
            PartnerDirectory,
        )
        return Agencies({**dict.fromkeys(domains, self), **own}, build_codes(), build_lifetimes())

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a read of a domain without fakes
        """A read of another domain: every key has a sample."""
        if name not in _OTHER_READS:
            raise AttributeError(name)
        agency, read = _OTHER_READS[name]
        sample = build_sample(read.record)

        async def answer(keys: Sequence[Any], _call: Call) -> Answers[Any, Any]:
            return self._answers(agency, name, keys, dict.fromkeys(keys, (sample,) if read.is_list else sample))

        return answer

    async def partners(self, queries: Sequence[PartnerQuery], _call: Call) -> Answers[PartnerQuery, Sequence[Partner]]:
        """The directory, which the hub itself has."""
        return dict.fromkeys(queries, (build_sample(Partner),))

    def list_called_agencies(self) -> set[str]:
        """Who was asked anything."""
        return {agency for agency, _, _ in self.calls}

    def _answers(self, agency: str, question: str, keys: Sequence[K], known: Mapping[K, V]) -> Answers[K, V]:
        self.calls.append((agency, question, tuple(keys)))
        if agency in self.failing_agencies:
            raise AgencyUnavailable(agency, "down")
        assert len(set(keys)) == len(keys), "keys arrive distinct"
        return {key: self.failures.get(key) or known[key] for key in keys if key in known or key in self.failures}

    async def load_preferences(
        self, people: Sequence[Nik], caller: Caller | None, _call: Call
    ) -> Mapping[Nik, DataPreferences]:
        self.preference_queries.append(tuple(people))
        if "preferences" in self.failing_agencies:
            raise PreferencesUnavailable
        client, case = (None, None) if caller is None else (caller.client, caller.case)
        about = None if self.cases is None else self.cases.get(case or "", frozenset())
        preferences_of = {nik: self.preferences.get(nik, DataPreferences()) for nik in people}
        return {
            nik: replace(
                each,
                consents=_consents_to(client, each.consents),
                people_in_case=frozenset({nik}) if about is None else about & {nik},
            )
            for nik, each in preferences_of.items()
        }

    async def entry_pages(
        self, queries: Sequence[AccessEntryQuery], _caller: Caller, _call: Call
    ) -> Answers[AccessEntryQuery, AccessEntryPage]:
        page = AccessEntryPage(entries=(access_entry(),), has_more=True)
        return self._answers("hub", "entry_pages", queries, dict.fromkeys(queries, page))

    async def consent_pages(self, queries: Sequence[ConsentQuery], _call: Call) -> Answers[ConsentQuery, ConsentPage]:
        page = ConsentPage(consents=(consent(),), has_more=True)
        return self._answers("hub", "consent_pages", queries, dict.fromkeys(queries, page))

    async def open_requests(
        self, wanted: Sequence[PersonalConsentKey], _call: Call
    ) -> Answers[PersonalConsentKey, ConsentRequest]:
        return self._answers("hub", "opened", wanted, {PersonalConsentKey(subject=SITI, id=REQUEST): consent_request()})

    async def waiting_requests_of(self, people: Sequence[Nik], _call: Call) -> Answers[Nik, Sequence[ConsentRequest]]:
        return {nik: (consent_request(),) for nik in people if nik == SITI}

    async def load_consenting_people(
        self, consents: Sequence[str], client: str, _call: Call
    ) -> Answers[str, Consenting]:
        self.consent_queries.append(tuple(consents))
        found: dict[str, Consenting] = {}
        for nik, preferences in self.preferences.items():
            granted_preferences = replace(preferences, consents=_consents_to(client, preferences.consents))
            found |= {
                each.id: Consenting(subject=nik, consent=each, preferences=granted_preferences)
                for each in granted_preferences.consents
            }
        return {id_: found[id_] for id_ in consents if id_ in found}

    async def count_attempts(self, tries: Mapping[str, int], _call: Call) -> Collection[str]:
        self.tries_left -= sum(tries.values())
        return tries.keys() if self.tries_left >= 0 else ()

    async def grant(self, granting: ConsentGrant, _caller: Caller, _call: Call) -> ConsentAnswer:
        self._change(granting, granting.request == REQUEST)
        return ConsentAnswer(subject=granting.subject, consent=consent(granting.subject), return_to="https://b.example")

    async def refuse(self, request: PersonalConsentKey, _caller: Caller, _call: Call) -> ConsentAnswer:
        self._change(request, request.id == REQUEST)
        return ConsentAnswer(subject=request.subject, consent=None, return_to="https://b.example")

    async def revoke(self, consent_: PersonalConsentKey, _caller: Caller, _call: Call) -> Consent:
        self._change(consent_, consent_.id == CONSENT)
        return consent(consent_.subject, state=ConsentState.REVOKED, revoked_at=NOW)

    def _change(self, change: ConsentGrant | PersonalConsentKey, known: bool) -> None:  # noqa: FBT001 - a switch
        is_of_child = getattr(change, "guardian", None) == SITI or (known and change.subject == AYU)
        if not known or not (change.subject == SITI or is_of_child):
            raise UnknownConsent("There is none.")
        self.consent_changes.append(change)

    async def request_pages(
        self, queries: Sequence[DataRequestQuery], _call: Call
    ) -> Answers[DataRequestQuery, DataRequestPage]:
        return {each: DataRequestPage(requests=(data_request(each.subject),), has_more=False) for each in queries}

    async def file_requests(
        self, wanted: Sequence[NewDataRequest], _call: Call
    ) -> Answers[NewDataRequest, DataRequest]:
        self.filed_requests.extend(wanted)
        return {each: data_request(each.subject, kind=each.kind) for each in wanted}

    async def withdraw_requests(
        self, wanted: Sequence[DataRequestWithdrawal], _call: Call
    ) -> Answers[DataRequestWithdrawal, DataRequest]:
        self.withdrawn_requests.extend(wanted)
        return {each: data_request(each.subject, state=DataRequestState.WITHDRAWN) for each in wanted}

    async def load_open_requests(
        self, wanted: Sequence[WaitingDataRequests], _call: Call
    ) -> Answers[WaitingDataRequests, DataRequestPage]:
        self.waiting_queries.extend(wanted)
        return {each: DataRequestPage(requests=(data_request(),), has_more=True) for each in wanted}

    async def answer_requests(
        self, answers: Sequence[DataRequestAnswer], _call: Call
    ) -> Answers[DataRequestAnswer, DataRequest]:
        self.answered_requests.extend(answers)
        return {each: data_request(state=each.state) for each in answers}

    async def accept(
        self, wanted: Sequence[NewCommand], _call: Call
    ) -> Answers[NewCommand, CommandReceipt | CommandProblem]:
        self.accepted_commands.extend(wanted)
        return {each: receipt(each.subject) for each in wanted}

    async def find_repeated(
        self, wanted: Sequence[NewCommand], _call: Call
    ) -> Answers[NewCommand, CommandReceipt | CommandProblem]:
        return {each: receipt(each.subject) for each in wanted if each.key == "repeated"}

    async def changes_of(
        self, people: Sequence[Nik], _call: Call, *, asked_at: float
    ) -> Answers[Nik, Sequence[SubmittedCommand]]:
        assert asked_at <= monotonic()
        return {nik: [each for each in self.open_changes if each.subject == nik] for nik in people}

    def offers(self, _agency: str, command: str) -> bool:
        return command in self.offered_commands

    def get_name(self, code: str, language: Language) -> str:
        return f"{code} ({language.value})"

    async def last_seen(self, cases: Sequence[CaseKey], _call: Call) -> Answers[CaseKey, LastSeen]:
        if "marks" in self.failing_agencies:
            raise CasesUnavailable
        return {each: LastSeen(self.case_marks.get(each), NOW - timedelta(days=365)) for each in cases}

    async def mark_seen(self, marks: Sequence[CaseMark], _call: Call) -> Answers[CaseMark, datetime]:
        self.case_marks |= {each.case: each.version for each in marks}
        return dict.fromkeys(marks, NOW)

    async def receipts_of(self, people: Sequence[Nik], _call: Call) -> Answers[Nik, Sequence[CommandReceipt]]:
        return {nik: (receipt(nik), *(each for each in self.receipts if each.subject == nik)) for nik in people}

    def build_code(self, subject: Nik, content: str) -> str:
        return f"{subject} saw {content}"

    def is_valid(self, code: str, subject: Nik, content: str) -> bool:
        return code == self.build_code(subject, content)

    async def exports(self, people: Sequence[Nik], _call: Call) -> Answers[Nik, Export]:
        return {nik: Export(subject=nik, url="/me/export", parts=("identity",)) for nik in people}

    async def load_known(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Citizen]:
        return self._answers("dukcapil", "known", niks, {nik: Citizen(nik=nik) for nik in (SITI, AYU, BUDI)})

    async def load_facets(
        self, niks: Sequence[Nik], wanted: frozenset[type[PersonFacet]], _call: Call
    ) -> Answers[Nik, Mapping[type[PersonFacet], PersonFacet]]:
        self.wanted_facets.append(wanted)
        known = {
            nik: {kind: record for kind, record in facets(nik).items() if kind in wanted} for nik in (SITI, AYU, BUDI)
        }
        return self._answers("dukcapil", "facets", niks, known)

    async def households(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Household]:
        return self._answers("dukcapil", "households", niks, dict.fromkeys((SITI, AYU), household(self.ayu_born)))

    async def msmes_of(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Sequence[Msme]]:
        return self._answers("jakpreneur", "msmes_of", niks, {SITI: (msme(),)})

    async def msmes(self, ids: Sequence[str], _call: Call) -> Answers[str, Msme]:
        return self._answers("jakpreneur", "msmes", ids, {"M-1": msme()})

    async def products_of(self, msme_ids: Sequence[str], _call: Call) -> Answers[str, Sequence[Product]]:
        sold = (product("Nasi", public=True), product("Rahasia", public=False))
        return self._answers("jakpreneur", "products_of", msme_ids, {"M-1": sold})

    async def students_of(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Sequence[Student]]:
        return self._answers("disdik", "students_of", niks, {nik: (student(nik),) for nik in (SITI, AYU)})

    async def kjp_accounts_of(self, nisns: Sequence[str], _call: Call) -> Answers[str, Sequence[KjpAccount]]:
        return self._answers("disdik", "kjp_accounts_of", nisns, {student().nisn: (kjp_account(),)})

    async def objects_of(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Sequence[TaxObject]]:
        return self._answers("pbb", "objects_of", niks, {SITI: (tax_object(),)})

    async def complaints_of(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Sequence[Complaint]]:
        own = (complaint(PRIVATE, public=False, reporter=SITI), complaint(PUBLIC, public=True, reporter=SITI))
        return self._answers("crm", "complaints_of", niks, {SITI: own})

    async def complaints(self, ids: Sequence[str], _call: Call) -> Answers[str, Complaint]:
        known = {PUBLIC: complaint(PUBLIC, public=True), PRIVATE: complaint(PRIVATE, public=False)}
        return self._answers("crm", "complaints", ids, known)

    async def pages(self, queries: Sequence[ComplaintQuery], _call: Call) -> Answers[ComplaintQuery, ComplaintPage]:
        page = ComplaintPage(complaints=(complaint(PUBLIC, public=True),), has_more=True)
        return self._answers("crm", "pages", queries, dict.fromkeys(queries, page))

    async def surveys(
        self, queries: Sequence[ComplaintSurvey], _call: Call
    ) -> Answers[ComplaintSurvey, SurveyedComplaints]:
        listed = (complaint(PUBLIC, public=True), complaint(PRIVATE, public=False, reporter=SITI))
        found = SurveyedComplaints(complaints=listed, includes_private=True, is_cut=False)
        return self._answers("crm", "surveys", queries, dict.fromkeys(queries, found))

    async def searches(
        self, queries: Sequence[ComplaintSearch], _call: Call
    ) -> Answers[ComplaintSearch, FoundComplaints]:
        found = FoundComplaints(complaints=(complaint(PUBLIC, public=True),), is_cut=False)
        return self._answers("crm", "searches", queries, dict.fromkeys(queries, found))

    async def categories(self, codes: Sequence[str], _call: Call) -> Answers[str, ComplaintCategory]:
        return self._answers("crm", "categories", codes, {"C-1": CATEGORY})

    async def category_lists(
        self, queries: Sequence[CategoryQuery], _call: Call
    ) -> Answers[CategoryQuery, Sequence[ComplaintCategory]]:
        return self._answers("crm", "category_lists", queries, dict.fromkeys(queries, (CATEGORY,)))

    async def questions(self, codes: Sequence[str], _call: Call) -> Answers[str, Sequence[ComplaintQuestion]]:
        return self._answers("crm", "questions", codes, {"C-1": QUESTIONS})

    async def market_lists(self, queries: Sequence[MarketQuery], _call: Call) -> Answers[MarketQuery, Sequence[Market]]:
        return self._answers("pangan", "market_lists", queries, dict.fromkeys(queries, (MARKET,)))

    async def markets(self, ids: Sequence[str], _call: Call) -> Answers[str, Market]:
        return self._answers("pangan", "markets", ids, {"3": MARKET})

    async def commodity_lists(
        self, queries: Sequence[CommodityQuery], _call: Call
    ) -> Answers[CommodityQuery, Sequence[Commodity]]:
        return self._answers("pangan", "commodity_lists", queries, dict.fromkeys(queries, (COMMODITY,)))

    async def commodities(self, ids: Sequence[str], _call: Call) -> Answers[str, Commodity]:
        return self._answers("pangan", "commodities", ids, {"1": COMMODITY})

    async def prices_of(self, market_ids: Sequence[str], _call: Call) -> Answers[str, Sequence[Price]]:
        return self._answers("pangan", "prices_of", market_ids, {"3": (PRICE,)})

    async def trends(self, queries: Sequence[TrendQuery], _call: Call) -> Answers[TrendQuery, Trend]:
        point = TrendPoint(day=date(2026, 11, 2), price=Rupiah(14_000))
        known = {
            query: Trend(
                commodity_id=query.commodity_id,
                year=query.year,
                month=query.month,
                average_price=Rupiah(14_000),
                highest_price=Rupiah(14_500),
                lowest_price=Rupiah(13_500),
                points=(point,),
            )
            for query in queries
        }
        return self._answers("pangan", "trends", queries, known)

    async def regions(self, codes: Sequence[RegionCode], _call: Call) -> Answers[RegionCode, Region]:
        return self._answers("hub", "regions", codes, REGIONS)

    async def regions_called(
        self, addresses: Sequence[tuple[CodeSystem, str]], _call: Call
    ) -> Answers[tuple[CodeSystem, str], Region]:
        known = {(CodeSystem.KEMENDAGRI, str(code)): each for code, each in REGIONS.items()}
        return self._answers("hub", "regions_called", addresses, known)

    async def inside(self, codes: Sequence[RegionCode], _call: Call) -> Answers[RegionCode, Sequence[Region]]:
        known = {code: tuple(each for each in REGIONS.values() if each.parent_code == code) for code in REGIONS}
        return self._answers("hub", "inside", codes, known)

    async def access_pages(
        self, queries: Sequence[AccessLogQuery], _call: Call
    ) -> Answers[AccessLogQuery, AccessLogPage]:
        page = AccessLogPage(entries=(access_log_entry(),), has_more=True)
        return self._answers("hub", "access_pages", queries, dict.fromkeys(queries, page))

    async def region_lists(self, queries: Sequence[RegionQuery], _call: Call) -> Answers[RegionQuery, Sequence[Region]]:
        return self._answers("hub", "region_lists", queries, dict.fromkeys(queries, tuple(REGIONS.values())))
