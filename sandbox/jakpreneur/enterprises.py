"""The small business programme's data: its two tables, and their rows in its vocabulary and quirks.

Dates are `dd/mm/yyyy` texts. Unknown values are NULL, an empty text or `-`. Money is a decimal with two places or a
text with dots (`1.234.567`). The district is an integer without dots; product names are latin1 (AGENCIES: JakPreneur).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from sandbox.population.city_population import ADULT_AGE, AS_OF, SAMPLES, CityPopulation, Resident
from sandbox.population.seeded_random import seeded_random

UMKM = "umkm"
PRODUK = "produk"

MARIADB_SCHEMA = (
    """CREATE TABLE umkm (
        id INTEGER PRIMARY KEY,
        nik VARCHAR(16) NOT NULL,
        nib VARCHAR(13) NULL,
        nama_usaha VARCHAR(120) NOT NULL,
        kbli VARCHAR(5),
        kode_kec INTEGER,
        tahap VARCHAR(2),
        grade VARCHAR(2),
        omzet_bulanan VARCHAR(24),
        tgl_daftar VARCHAR(10),
        telp VARCHAR(20),
        alamat VARCHAR(120)
    ) CHARACTER SET utf8mb4""",
    "CREATE INDEX umkm_nik ON umkm (nik)",
    """CREATE TABLE produk (
        id INTEGER PRIMARY KEY,
        umkm_id INTEGER NOT NULL,
        nama_produk VARCHAR(120) NOT NULL,
        harga VARCHAR(24),
        katalog_publik VARCHAR(1)
    ) CHARACTER SET latin1""",
    "CREATE INDEX produk_umkm_id ON produk (umkm_id)",
)
SQLITE_SCHEMA = tuple(statement.rpartition(" CHARACTER SET")[0] or statement for statement in MARIADB_SCHEMA)
"""The same tables for SQLite, used without MariaDB; SQLite stores every text as UTF-8."""

_OWNER_SHARE = 0.12
"""Share of adults who own a business."""
_SECOND_BUSINESS_SHARE = 0.05
_ABSENT = (None, "", "-")
_STAGES, _STAGE_WEIGHTS = ("P1", "P2", "P3", "P4", "P5", "P6", "P7"), (25, 22, 18, 14, 10, 7, 4)
_LICENSED, _CURATED = "P4", "P3"
"""Lowest stages at which a business has a NIB, and a grade."""
_FIRST_DAY = date(2018, 11, 1)
_BUSINESS_KINDS = (
    ("56102", "WARUNG MAKAN", ("NASI UDUK KOMPLIT", "SOTO BETAWI", "AYAM GORENG LENGKUAS", "KERAK TELOR")),
    ("10710", "TOKO KUE", ("KUE LAPIS LEGIT", "CRÈME BRÛLÉE DURIAN", "ROTI BUAYA", "ÉCLAIR PANDAN")),
    ("56303", "KEDAI KOPI", ("KAFÉ SUSU GULA AREN", "ES KOPI TUBRUK", "TEH POCI")),
    ("14111", "KONVEKSI", ("KEMEJA BATIK BETAWI", "KEBAYA ENCIM", "SERAGAM SEKOLAH")),
    ("47112", "TOKO KELONTONG", ("BERAS 5 KG", "MINYAK GORENG 1 L", "TELUR 1 KG")),
    ("96200", "LAUNDRY", ("CUCI SETRIKA 1 KG", "CUCI SELIMUT")),
    ("32120", "KERAJINAN", ("ONDEL-ONDEL MINI", "PIÑATA ONDEL-ONDEL", "GANTUNGAN KUNCI MONAS")),
)
_UmkmRow = tuple[int, str, str | None, str, str, int, str, str | None, str | None, str, str | None, str]
_ProdukRow = tuple[int, int, str, str, str]


@dataclass(frozen=True, slots=True)
class SandboxBusiness:
    """One row of `umkm` without its identifier, and its products as (name, price, public)."""

    owner: Resident
    nib: str | None
    name: str
    kbli: str
    stage: str
    grade: str | None
    revenue: str | None
    registered: date
    phone: str | None
    products: tuple[tuple[str, str, bool], ...]


def build_rows(city: CityPopulation) -> tuple[list[_UmkmRow], list[_ProdukRow]]:
    """The rows of `umkm` and of `produk`, in the order of their columns."""
    enterprises: list[_UmkmRow] = []
    products: list[_ProdukRow] = []
    for number, business in enumerate(_generate_businesses(city), start=1):
        enterprises.append(
            (
                number,
                business.owner.nik,
                business.nib,
                business.name,
                business.kbli,
                int(business.owner.kelurahan[:8].replace(".", "")),
                business.stage,
                business.grade,
                business.revenue,
                f"{business.registered:%d/%m/%Y}",
                business.phone,
                business.owner.address,
            )
        )
        for name, price, public in business.products:
            products.append((len(products) + 1, number, name, price, "Y" if public else "N"))
    return enterprises, products


def _generate_businesses(city: CityPopulation) -> Iterator[SandboxBusiness]:
    yield from _build_sample_businesses(city)
    samples = {sample.nik for sample in SAMPLES.values()}
    for resident in city.residents:
        random = seeded_random("jakpreneur", resident.nik)
        if resident.nik in samples or resident.age < ADULT_AGE or random.random() >= _OWNER_SHARE:
            continue
        yield _draw_business(resident, random)
        if random.random() < _SECOND_BUSINESS_SHARE:
            yield _draw_business(resident, random)


def _build_sample_businesses(city: CityPopulation) -> Iterator[SandboxBusiness]:
    siti, budi = (city.by_nik[SAMPLES[name].nik] for name in ("siti", "budi"))
    kitchen = (("KUE LAPIS LEGIT", "185000.00", True), ("KAFÉ SUSU GULA AREN", "18.000", True), ("PESANAN", "-", False))
    yield SandboxBusiness(
        owner=siti,
        nib="9120001234567",
        name="DAPUR SITI 🍰",
        kbli="10710",
        stage="P5",
        grade="A",
        revenue="12500000.00",
        registered=date(2021, 3, 17),
        phone="0812-5550-1990",
        products=kitchen,
    )
    yield SandboxBusiness(
        owner=budi,
        nib="-",
        name="BENGKEL MOTOR BUDI",
        kbli="45407",
        stage="P2",
        grade="",
        revenue="8.750.000",
        registered=date(2024, 9, 2),
        phone="-",
        products=(("GANTI OLI", "65.000", False),),
    )


def _draw_business(owner: Resident, random: Random) -> SandboxBusiness:
    kbli, kind, goods = random.choice(_BUSINESS_KINDS)
    stage = random.choices(_STAGES, _STAGE_WEIGHTS)[0]
    first_name = owner.name.partition(" ")[0]
    picked = random.sample(goods, random.randint(0, len(goods)))
    return SandboxBusiness(
        owner=owner,
        nib=f"9120{random.randrange(10**9):09d}" if stage >= _LICENSED else random.choice(_ABSENT),
        name=f"{kind} {random.choice(('BU', 'IBU')) if owner.sex == 'P' else 'PAK'} {first_name}",
        kbli=kbli,
        stage=stage,
        grade=random.choice("ABCD") if stage >= _CURATED else random.choice(_ABSENT),
        revenue=_draw_money(random, 500_000, 40_000_000, 250_000) if random.random() < 0.93 else random.choice(_ABSENT),  # noqa: PLR2004 - a share, said once
        registered=_FIRST_DAY + timedelta(days=random.randrange((AS_OF - _FIRST_DAY).days)),
        phone=f"0812-5550-{random.randrange(10_000):04d}" if random.random() < 0.9 else random.choice(_ABSENT),  # noqa: PLR2004 - a share, said once
        products=tuple((name, _draw_money(random, 3_000, 250_000, 500), random.random() < 0.6) for name in picked),  # noqa: PLR2004 - a share, said once
    )


def _draw_money(random: Random, minimum: int, maximum: int, step: int) -> str:
    """An amount in one of this database's formats: a decimal with two places, or a text with dots."""
    amount = random.randrange(minimum, maximum, step)
    return f"{amount}.00" if random.random() < 0.5 else f"{amount:,}".replace(",", ".")  # noqa: PLR2004 - even odds
