"""Complaints of the sandbox city, generated from its residents: about a fifth of the adults reported one to five.

They are generated for `DATA_NOW`; then all their times and the day in their numbers move by the same whole days.
"""

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from random import Random

from sandbox.clock import DATA_DAY, DATA_NOW
from sandbox.crm.categories import SERVICES, ComplaintService
from sandbox.population.city_population import ADULT_AGE, SAMPLES, CityPopulation
from sandbox.population.places import draw_point
from sandbox.population.regions import SandboxRegion, load_regions
from sandbox.population.seeded_random import seeded_random

STATES = ("MENUNGGU", "KOORDINASI", "DISPOSISI", "PROSES", "SELESAI", "DITOLAK", "DICABUT")
"""The states that citizens see; the last two are rare: rejected, and withdrawn by the reporter."""

CLOSED = frozenset({"SELESAI", "DITOLAK", "DICABUT"})
CHANNELS = ("JAKI", "JAKI", "JAKI", "WHATSAPP", "TWITTER", "LAPOR 1708", "KANTOR KELURAHAN", "EMAIL")
FIRST_ID = 10_000_001
PUBLIC_SHARE, REPORTING_SHARE, REJECTED_SHARE, UNPLACED_SHARE = 0.3, 0.2, 0.04, 0.1
AT_HOME_SHARE, REOPENED_SHARE, RATED_SHARE = 0.7, 0.1, 0.6
OLDEST = timedelta(days=300)
_DRAWN_SERVICES = tuple(each for each in SERVICES.values() if each.sentences)


@dataclass(frozen=True, slots=True)
class HistoryStep:
    """One step in the history of a complaint: time, state, remark and responsible agency."""

    at: datetime
    state: str
    remark: str
    agency: str


@dataclass(frozen=True, slots=True)
class CrmComment:
    """One comment: time, text, and whether the reporter wrote it."""

    at: datetime
    text: str
    by_reporter: bool


@dataclass(frozen=True, slots=True)
class CrmPhoto:
    """A photo of a complaint, without its content."""

    text: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmComplaint:
    """One complaint; its last step has its state. `place` is latitude and longitude, if sent."""

    id: int
    number: str
    reporter_nik: str
    service: ComplaintService
    description: str
    kelurahan: SandboxRegion
    address: str
    place: tuple[float, float] | None
    public: bool
    channel: str
    steps: tuple[HistoryStep, ...]
    supporters: int
    rating: int | None
    reference: str | None = None
    """The reference of the client that submitted it."""
    comments: tuple[CrmComment, ...] = ()
    answers: tuple[tuple[str, str], ...] = ()
    """Codes of the category's questions and their values."""
    photos: tuple[CrmPhoto, ...] = ()

    @property
    def state(self) -> str:
        """The state of the last step."""
        return self.steps[-1].state

    @property
    def requested_at(self) -> datetime:
        """The time of the report."""
        return self.steps[0].at

    @property
    def updated_at(self) -> datetime:
        """The time of the last step."""
        return self.steps[-1].at


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingReport:
    """A received report without a number: it has a token and no id."""

    token: str
    reporter_nik: str
    service: ComplaintService
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class ComplaintData:
    """All data of the complaint system, newest complaint first; no time is after `now`."""

    now: datetime
    complaints: tuple[CrmComplaint, ...]
    pending: tuple[PendingReport, ...]
    by_id: Mapping[int, CrmComplaint]

    def extended_with(self, submitted: Sequence[CrmComplaint]) -> "ComplaintData":
        """The same with submitted complaints, which are newer."""
        if not submitted:
            return self
        by_id = {**self.by_id, **{each.id: each for each in submitted}}
        return replace(self, complaints=(*submitted, *self.complaints), by_id=by_id)

    def changed_by(self, changed: Mapping[int, CrmComplaint]) -> "ComplaintData":
        """The same with other versions of some complaints."""
        if not changed:
            return self
        complaints = tuple(changed.get(each.id, each) for each in self.complaints)
        return replace(self, complaints=complaints, by_id={**self.by_id, **changed})


@dataclass(frozen=True, slots=True, kw_only=True)
class _ComplaintDraft:
    reporter_nik: str
    service: ComplaintService
    kelurahan: str
    public: bool
    steps: tuple[HistoryStep, ...]
    seed: str


def build_complaint_data(people: CityPopulation, today: date = DATA_DAY) -> ComplaintData:
    """All complaints of a city whose day is `today`, numbered in the order of their reports."""
    shift = today - DATA_DAY
    drafts = sorted(
        (*_draft_samples(people), *_draft_complaints(people)), key=lambda draft: (draft.steps[0].at, draft.seed)
    )
    complaints = tuple(reversed(tuple(_number_drafts(_move(draft, shift) for draft in drafts))))
    return ComplaintData(
        now=DATA_NOW + shift,
        complaints=complaints,
        pending=tuple(replace(one, requested_at=one.requested_at + shift) for one in _build_pending(people)),
        by_id={complaint.id: complaint for complaint in complaints},
    )


def _move(draft: _ComplaintDraft, shift: timedelta) -> _ComplaintDraft:
    return replace(draft, steps=tuple(replace(step, at=step.at + shift) for step in draft.steps))


def _draft_samples(people: CityPopulation) -> Iterator[_ComplaintDraft]:
    """Siti: one resolved, one in progress, one just reported; Budi: one sent to the district."""
    siti, budi = (people.by_nik[SAMPLES[name].nik] for name in ("siti", "budi"))
    for reporter, code, public, days, state in (
        (siti, 1202, True, 40, "SELESAI"),
        (siti, 1201, False, 12, "PROSES"),
        (siti, 1101, False, 1, "MENUNGGU"),
        (budi, 1301, False, 2, "DISPOSISI"),
    ):
        seed = f"{reporter.nik}:{code}"
        service = SERVICES[code]
        steps = tuple(_build_steps(seeded_random("crm", seed), DATA_NOW - timedelta(days=days), service, state))
        yield _ComplaintDraft(
            reporter_nik=reporter.nik,
            service=service,
            kelurahan=reporter.kelurahan,
            public=public,
            steps=steps,
            seed=seed,
        )


def _draft_complaints(people: CityPopulation) -> Iterator[_ComplaintDraft]:
    samples = {sample.nik for sample in SAMPLES.values()}
    services, villages = _DRAWN_SERVICES, sorted(load_regions().population)
    for resident in people.residents:
        rng = seeded_random("crm", resident.nik)
        if resident.age < ADULT_AGE or resident.nik in samples or rng.random() >= REPORTING_SHARE:
            continue
        for place in range(rng.randint(1, 5)):
            service = rng.choice(services)
            filed = DATA_NOW - timedelta(minutes=rng.randint(20, int(OLDEST.total_seconds() // 60)))
            state = _draw_state(rng, (DATA_NOW - filed).days)
            yield _ComplaintDraft(
                reporter_nik=resident.nik,
                service=service,
                kelurahan=resident.kelurahan if rng.random() < AT_HOME_SHARE else rng.choice(villages),
                public=rng.random() < PUBLIC_SHARE,
                steps=tuple(_build_steps(rng, filed, service, state)),
                seed=f"{resident.nik}:{place}",
            )


def _draw_state(rng: Random, days: int) -> str:
    """The state of a complaint of that age: 97 % of those older than two weeks are resolved or rejected."""
    if rng.random() < REJECTED_SHARE:
        return "DITOLAK"
    chances = ((5, (35, 20, 15, 25, 5)), (14, (5, 10, 15, 30, 40)), (OLDEST.days + 1, (0, 1, 0, 2, 97)))
    weights = next(weights for limit, weights in chances if days < limit)
    return rng.choices(STATES[:5], weights=weights)[0]


def _build_steps(rng: Random, filed: datetime, service: ComplaintService, state: str) -> Iterator[HistoryStep]:
    """The history up to `state`, in order, with no step after now; some complaints are sent back once."""
    way = {
        "MENUNGGU": ["MENUNGGU"],
        "KOORDINASI": ["MENUNGGU", "KOORDINASI"],
        "DISPOSISI": ["MENUNGGU", "KOORDINASI", "DISPOSISI"],
        "PROSES": ["MENUNGGU", "KOORDINASI", "DISPOSISI", "PROSES"],
        "SELESAI": ["MENUNGGU", "DISPOSISI", "PROSES", "SELESAI"],
        "DITOLAK": ["MENUNGGU", "DITOLAK"],
    }[state]
    if state == "SELESAI" and rng.random() < REOPENED_SHARE:
        way[3:3] = ["KOORDINASI", "PROSES"]
    room = DATA_NOW - filed
    hours = min(room.total_seconds() / 3600, service.sla_hours * rng.choice((0.4, 0.7, 0.9, 1.3)))
    for place, name in enumerate(way):
        at = filed + timedelta(hours=hours * place / max(1, len(way) - 1))
        agency = service.agency if place else "Biro Pemerintahan"
        yield HistoryStep(at.replace(microsecond=0), name, _REMARKS[name], agency)


_REMARKS = {
    "MENUNGGU": "Laporan diterima.",
    "KOORDINASI": "Laporan dikoordinasikan antarperangkat daerah.",
    "DISPOSISI": "Laporan didisposisikan ke suku dinas.",
    "PROSES": "Petugas menindaklanjuti di lapangan.",
    "SELESAI": "Laporan selesai ditindaklanjuti.",
    "DITOLAK": "Laporan ditolak: bukan kewenangan Pemprov DKI Jakarta.",
}


def _number_drafts(drafts: Iterable[_ComplaintDraft]) -> Iterator[CrmComplaint]:
    """Ids are consecutive; report numbers contain the day and restart each day."""
    of_day: Counter[str] = Counter()
    for place, draft in enumerate(drafts):
        rng = seeded_random("crm", draft.seed, "numbered")
        village = load_regions().villages[draft.kelurahan]
        filed = draft.steps[0].at
        day = f"{filed:%y%m%d}"
        of_day[day] += 1
        settled = draft.steps[-1].state == "SELESAI"
        yield CrmComplaint(
            id=FIRST_ID + place,
            number=f"JK{day}{of_day[day]:04}",
            reporter_nik=draft.reporter_nik,
            service=draft.service,
            description=rng.choice(draft.service.sentences),
            kelurahan=village,
            address=f"Jl. {village.name} No. {rng.randint(1, 120)}",
            place=None if rng.random() < UNPLACED_SHARE else _draw_place(rng, draft.kelurahan),
            public=draft.public,
            channel=rng.choice(CHANNELS),
            steps=draft.steps,
            supporters=rng.randint(0, 40) if draft.public else 0,
            rating=rng.randint(2, 5) if settled and rng.random() < RATED_SHARE else None,
        )


def _draw_place(rng: Random, kelurahan: str) -> tuple[float, float]:
    latitude, longitude = draw_point(kelurahan, rng)
    return to_single_precision(latitude), to_single_precision(longitude)


def to_single_precision(value: float) -> float:
    """A number as it comes back from a column of single precision: 51.44 becomes 51.43999862670898."""
    widened: float = struct.unpack("f", struct.pack("f", value))[0]
    return widened


def _build_pending(people: CityPopulation) -> Iterator[PendingReport]:
    """Seven reports of the last hour; one of them is Siti's."""
    rng = seeded_random("crm", "pending")
    adults = [resident.nik for resident in people.residents if resident.age >= ADULT_AGE]
    for place, nik in enumerate((SAMPLES["siti"].nik, *rng.sample(adults, 6))):
        yield PendingReport(
            token=f"{rng.getrandbits(64):016x}",
            reporter_nik=nik,
            service=rng.choice(_DRAWN_SERVICES),
            requested_at=DATA_NOW - timedelta(minutes=8 * place + 3),
        )
