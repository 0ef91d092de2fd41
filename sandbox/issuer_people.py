"""Who can sign in to the city's OpenID provider: residents for themselves or for another, and people at work."""

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.people import people
from sandbox.residents import ADULT
from sandbox.samples import SAMPLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who signs in. `key` is unique; `about` says who they are to the city; `kind` is the hub's word for them.

    A citizen has a `nik`; `assists` is the NIK of whom they act for (UU PDP 27/2022, article 26). A business has a
    `nib`, people at work have a `role`, officials and supervisors an `agency` and a `unit`.
    """

    key: str
    name: str
    about: str
    kind: str
    nik: str | None = None
    assists: str | None = None
    nib: str | None = None
    agency: str | None = None
    unit: str | None = None
    role: str | None = None


AT_WORK = (
    Person(
        key="dapur-siti",
        name="Dapur Siti",
        about="a business with a NIB, run by Siti Rahmawati",
        kind="business",
        nib="9120001234567",
    ),
    Person(
        key="rina",
        name="Rina Kartika",
        about="official of the population register",
        kind="official",
        agency="dukcapil",
        unit="Seksi Pelayanan Pendaftaran Penduduk",
        role="registrar",
    ),
    Person(
        key="hendra",
        name="Hendra Gunawan",
        about="official of the property tax office",
        kind="official",
        agency="pbb",
        unit="Seksi Penagihan",
        role="tax-officer",
    ),
    Person(
        key="wulan",
        name="Wulan Sari",
        about="supervisor at the population register: reads who read what there",
        kind="supervisor",
        agency="dukcapil",
        unit="Inspektorat Pembantu",
        role="inspector",
    ),
    Person(key="yoga", name="Yoga Pratama", about="data steward (walidata)", kind="steward", role="walidata"),
    Person(key="ratna", name="Ratna Dewanti", about="auditor of the city", kind="auditor", role="auditor"),
    Person(
        key="surya",
        name="Surya Hadi",
        about="data-protection officer of the city",
        kind="protection-officer",
        role="protection-officer",
    ),
    Person(key="teguh", name="Teguh Santosa", about="operator: runs the hub", kind="operator", role="operator"),
)
"""One of each kind that is no citizen, and of officials two."""


def listed_people() -> Mapping[str, Person]:
    """Everybody whom the sign-in page lists, by key: the sample citizens, an assistant, people at work."""
    citizens = {name: _citizen(name, sample.nik, sample.description) for name, sample in SAMPLES.items()}
    agus, dewi = citizens["agus"], citizens["dewi"]
    assistant = Person(
        key="agus-for-dewi",
        name=agus.name,
        about=f"assistant of {dewi.name}: acts for her",
        kind="citizen",
        nik=agus.nik,
        assists=dewi.nik,
    )
    return {**citizens, assistant.key: assistant, **{person.key: person for person in AT_WORK}}


def resident(nik: str) -> Person | None:
    """A resident old enough to carry an identity card; None for any other number."""
    found = people().by_nik.get(nik)
    return None if found is None or found.age < ADULT else _citizen(f"nik {nik}", nik, "")


def _citizen(key: str, nik: str, description: str) -> Person:
    about = description.partition(": ")[2]
    return Person(key=key, name=people().by_nik[nik].name.title(), about=about, kind="citizen", nik=nik)
