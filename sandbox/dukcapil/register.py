"""The population register's data: its two tables, and the residents in its vocabulary and quirks.

Values are upper case, and region numbers are plain integers without leading zeros. The sex is a word for some residents
and a digit for others. Unknown values are `-` or an empty text (AGENCIES: Dukcapil).
"""

from collections.abc import Iterator

from sandbox.population.city_population import CityPopulation, Resident
from sandbox.population.regions import load_regions

BIODATA = "biodata_wni"
BIODATA_COLUMNS = (
    "nik",
    "no_kk",
    "nama_lgkp",
    "tmpt_lhr",
    "tgl_lhr",
    "jenis_klmin",
    "gol_darah",
    "agama",
    "status_kawin",
    "pddk_akh",
    "jenis_pkrjn",
    "stat_hbkel",
    "nik_ibu",
    "nama_lgkp_ibu",
    "nik_ayah",
    "nama_lgkp_ayah",
    "no_prop",
    "no_kab",
    "no_kec",
    "no_kel",
    "no_rt",
    "no_rw",
    "alamat",
    "ektp_status",
    "prop_name",
    "kab_name",
    "kec_name",
    "kel_name",
)
KELUARGA = "keluarga"
KELUARGA_COLUMNS = ("no_kk", "nik_kepala")

SCHEMA = """
CREATE TABLE keluarga (no_kk varchar(16) PRIMARY KEY, nik_kepala varchar(16) NOT NULL);
CREATE TABLE biodata_wni (
    nik varchar(16) PRIMARY KEY,
    no_kk varchar(16) NOT NULL,
    nama_lgkp varchar(60) NOT NULL,
    tmpt_lhr varchar(60),
    tgl_lhr date,
    jenis_klmin varchar(10),
    gol_darah varchar(12),
    agama varchar(20),
    status_kawin varchar(20),
    pddk_akh varchar(40),
    jenis_pkrjn varchar(40),
    stat_hbkel varchar(20),
    nik_ibu varchar(16),
    nama_lgkp_ibu varchar(60),
    nik_ayah varchar(16),
    nama_lgkp_ayah varchar(60),
    no_prop integer,
    no_kab integer,
    no_kec integer,
    no_kel integer,
    no_rt integer,
    no_rw integer,
    alamat varchar(120),
    ektp_status varchar(1),
    prop_name varchar(60),
    kab_name varchar(60),
    kec_name varchar(60),
    kel_name varchar(60)
);
CREATE INDEX biodata_wni_no_kk ON biodata_wni (no_kk);
"""

_DIGITS = {"L": "1", "P": "2"}
_WORDS = {"L": "LAKI-LAKI", "P": "PEREMPUAN"}
_OLD_FORM_EVERY = 5
"""Every n-th resident was entered with the old form, which has a digit for the sex and empty texts."""


def build_biodata_rows(city: CityPopulation) -> Iterator[tuple[object, ...]]:
    """One row per resident, in the order of `BIODATA_COLUMNS`."""
    for number, resident in enumerate(city.residents):
        yield _build_row(resident, old_form=number % _OLD_FORM_EVERY == _OLD_FORM_EVERY - 1)


def build_keluarga_rows(city: CityPopulation) -> Iterator[tuple[object, ...]]:
    """One row per household, in the order of `KELUARGA_COLUMNS`."""
    for household in city.households:
        yield household.no_kk, household.head_nik


def _build_row(resident: Resident, *, old_form: bool) -> tuple[object, ...]:
    absent = "" if old_form else "-"
    numbers = (int(part) for part in resident.kelurahan.split("."))
    names = (region.name.upper() for region in load_regions().find_lineage(resident.kelurahan))
    return (
        resident.nik,
        resident.no_kk,
        resident.name,
        resident.birth_place,
        resident.birth_date,
        (_DIGITS if old_form else _WORDS)[resident.sex],
        resident.blood_type,
        resident.religion,
        resident.marital_status,
        resident.education,
        resident.occupation,
        resident.relation,
        resident.mother_nik or absent,
        resident.mother_name or absent,
        resident.father_nik or absent,
        resident.father_name or absent,
        *numbers,
        resident.rt,
        resident.rw,
        resident.address,
        "Y" if resident.ektp else "T",
        *names,
    )
