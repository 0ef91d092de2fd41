"""The people who can sign in to the city's OpenID provider: residents, an assistant, and staff."""

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.population.city_population import build_population
from sandbox.population.residents import ADULT_AGE
from sandbox.population.samples import SAMPLES


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPerson:
    """A person who signs in.

    `key` is unique; `description` is the person's role towards the city; `kind` is the hub's kind of caller. A citizen
    has a `nik`; `assists` is the NIK of the person they act for (UU PDP 27/2022, article 26). A business has a `nib`,
    staff have a `role`, officials and supervisors an `agency` and a `unit`.
    """

    key: str
    name: str
    description: str
    kind: str
    nik: str | None = None
    assists: str | None = None
    nib: str | None = None
    agency: str | None = None
    unit: str | None = None
    role: str | None = None


STAFF = (
    SignInPerson(
        key="dapur-siti",
        name="Dapur Siti",
        description="a business with a NIB, run by Siti Rahmawati",
        kind="business",
        nib="9120001234567",
    ),
    SignInPerson(
        key="rina",
        name="Rina Kartika",
        description="official of the population register",
        kind="official",
        agency="dukcapil",
        unit="Seksi Pelayanan Pendaftaran Penduduk",
        role="registrar",
    ),
    SignInPerson(
        key="hendra",
        name="Hendra Gunawan",
        description="official of the property tax office",
        kind="official",
        agency="pbb",
        unit="Seksi Penagihan",
        role="tax-officer",
    ),
    SignInPerson(
        key="nadia",
        name="Nadia Safitri",
        description="official of the licensing office (DPMPTSP)",
        kind="official",
        agency="oss",
        unit="Bidang Pelayanan Perizinan",
        role="licensing-officer",
    ),
    SignInPerson(
        key="wulan",
        name="Wulan Sari",
        description="supervisor at the population register: reads the access log of its readers",
        kind="supervisor",
        agency="dukcapil",
        unit="Inspektorat Pembantu",
        role="inspector",
    ),
    SignInPerson(
        key="yoga", name="Yoga Pratama", description="data steward (walidata)", kind="steward", role="walidata"
    ),
    SignInPerson(key="ratna", name="Ratna Dewanti", description="auditor of the city", kind="auditor", role="auditor"),
    SignInPerson(
        key="surya",
        name="Surya Hadi",
        description="data-protection officer of the city",
        kind="protection-officer",
        role="protection-officer",
    ),
    SignInPerson(
        key="teguh", name="Teguh Santosa", description="operator: runs the hub", kind="operator", role="operator"
    ),
)
"""One of each kind other than citizen, and three officials."""


def list_people() -> Mapping[str, SignInPerson]:
    """Everyone on the sign-in page, by key: the sample citizens, an assistant, staff."""
    citizens = {name: _build_citizen(name, sample.nik, sample.description) for name, sample in SAMPLES.items()}
    agus, dewi = citizens["agus"], citizens["dewi"]
    assistant = SignInPerson(
        key="agus-for-dewi",
        name=agus.name,
        description=f"assistant of {dewi.name}: acts for her",
        kind="citizen",
        nik=agus.nik,
        assists=dewi.nik,
    )
    return {**citizens, assistant.key: assistant, **{person.key: person for person in STAFF}}


def find_resident(nik: str) -> SignInPerson | None:
    """A resident old enough for an identity card; None for any other number."""
    found = build_population().by_nik.get(nik)
    return None if found is None or found.age < ADULT_AGE else _build_citizen(f"nik {nik}", nik, "")


def _build_citizen(key: str, nik: str, description: str) -> SignInPerson:
    about = description.partition(": ")[2]
    return SignInPerson(
        key=key, name=build_population().by_nik[nik].name.title(), description=about, kind="citizen", nik=nik
    )
