"""The sample people of the sandbox city and their households, with fixed numbers."""

from dataclasses import replace
from datetime import date

from sandbox.population.residents import Resident, SampleResident

SAMPLES = {
    sample.name: sample
    for sample in (
        SampleResident(
            "siti",
            "3171014506909001",
            "Siti Rahmawati: mother of two in Gambir, two tax objects, a business with a NIB",
        ),
        SampleResident("budi", "3171021708889002", "Budi Santoso: head of Siti's household, a business without a NIB"),
        SampleResident(
            "dewi", "3174055203559003", "Dewi Lestari: widow living alone in Jakarta Selatan, her tax is paid"
        ),
        SampleResident(
            "agus",
            "3672010101009004",
            "Agus Wijaya: commuter from a district our tables do not know, register entry only",
        ),
    )
}
"""All sample people by short name."""

_SITI, _BUDI, _DEWI, _AGUS = (SAMPLES[name].nik for name in ("siti", "budi", "dewi", "agus"))


def sample_families() -> tuple[tuple[Resident, ...], ...]:
    """The households of the sample people, each with its head first."""
    return (_budi_and_siti(), (_dewi(),), (_agus(),))


def _budi_and_siti() -> tuple[Resident, ...]:
    budi = Resident(
        nik=_BUDI,
        no_kk="3171010203149001",
        name="BUDI SANTOSO",
        sex="L",
        birth_place="JAKARTA",
        birth_date=date(1988, 8, 17),
        blood_type="O",
        religion="ISLAM",
        marital_status="KAWIN",
        education="SLTA/SEDERAJAT",
        occupation="WIRASWASTA",
        relation="KEPALA KELUARGA",
        mother_nik=None,
        father_nik=None,
        mother_name="SRI WAHYUNI",
        father_name="HARTONO SANTOSO",
        kelurahan="31.71.01.1001",
        address="JL. KENANGA NO. 12",
        rt=4,
        rw=2,
        ektp=True,
    )
    siti = replace(
        budi,
        nik=_SITI,
        name="SITI RAHMAWATI",
        sex="P",
        birth_date=date(1990, 6, 5),
        blood_type="B",
        education="DIPLOMA IV/STRATA I",
        occupation="KARYAWAN SWASTA",
        relation="ISTRI",
        mother_name="NUR AINI",
        father_name="RAHMAT HIDAYAT",
    )
    nadia = replace(
        budi,
        nik="3171014904159001",
        name="NADIA PUTRI SANTOSO",
        sex="P",
        birth_date=date(2015, 4, 9),
        marital_status="BELUM KAWIN",
        education="BELUM TAMAT SD/SEDERAJAT",
        occupation="PELAJAR/MAHASISWA",
        relation="ANAK",
        mother_nik=_SITI,
        father_nik=_BUDI,
        mother_name=siti.name,
        father_name=budi.name,
        ektp=False,
    )
    rizky = replace(
        nadia,
        nik="3171012311189001",
        name="RIZKY SANTOSO",
        sex="L",
        birth_date=date(2018, 11, 23),
        blood_type="TIDAK TAHU",
    )
    return budi, siti, nadia, rizky


def _dewi() -> Resident:
    return Resident(
        nik=_DEWI,
        no_kk="3174051406119001",
        name="DEWI LESTARI",
        sex="P",
        birth_place="YOGYAKARTA",
        birth_date=date(1955, 3, 12),
        blood_type="A",
        religion="KATHOLIK",
        marital_status="CERAI MATI",
        education="SLTA/SEDERAJAT",
        occupation="PENSIUNAN",
        relation="KEPALA KELUARGA",
        mother_nik=None,
        father_nik=None,
        mother_name="SUMARNI",
        father_name="",
        kelurahan="31.74.05.1001",
        address="JL. CEMPAKA RAYA NO. 7",
        rt=11,
        rw=5,
        ektp=True,
    )


def _agus() -> Resident:
    return Resident(
        nik=_AGUS,
        no_kk="3672011507229001",
        name="AGUS WIJAYA",
        sex="L",
        birth_place="CILEGON",
        birth_date=date(2000, 1, 1),
        blood_type="TIDAK TAHU",
        religion="ISLAM",
        marital_status="BELUM KAWIN",
        education="SLTA/SEDERAJAT",
        occupation="KARYAWAN SWASTA",
        relation="KEPALA KELUARGA",
        mother_nik=None,
        father_nik=None,
        mother_name="WATI",
        father_name="WIJAYA",
        kelurahan="31.75.02.1001",
        address="GANG MELATI NO. 31 KAMAR 6",
        rt=1,
        rw=12,
        ektp=True,
    )
