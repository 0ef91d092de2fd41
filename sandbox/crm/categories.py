"""The complaint categories of the sandbox city: the Open311 service list of its complaint system."""

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.crm.questions import QUESTIONS, ServiceQuestion


@dataclass(frozen=True, slots=True)
class ComplaintService:
    """One category of complaints: responsible agency, hours to resolve, and sample sentences of reporters."""

    code: int
    name: str
    group: str
    agency: str
    sla_hours: int
    sentences: tuple[str, ...] = ()
    """Without any, no complaint of the generated ones is in the category."""

    @property
    def questions(self) -> tuple[ServiceQuestion, ...]:
        """The questions beyond the standard fields (`metadata` in Open311)."""
        return QUESTIONS.get(self.code, ())


_SDA, _LH, _BM, _DISHUB = "Dinas Sumber Daya Air", "Dinas Lingkungan Hidup", "Dinas Bina Marga", "Dinas Perhubungan"
_SATPOL, _TAMAN, _SOSIAL, _CITATA = "Satpol PP", "Dinas Pertamanan", "Dinas Sosial", "Dinas Citata"
_KESEHATAN, _DUKCAPIL, _PENDIDIKAN = "Dinas Kesehatan", "Dinas Dukcapil", "Dinas Pendidikan"

SERVICES: Mapping[int, ComplaintService] = {
    service.code: service
    for service in (
        ComplaintService(
            1001, "Banjir", "BANJIR", _SDA, 24, ("Jalan tergenang setinggi lutut.", "Air masuk ke rumah warga.")
        ),
        ComplaintService(
            1002, "Saluran air tersumbat", "BANJIR", _SDA, 72, ("Got mampet dan berbau.", "Got penuh lumpur.")
        ),
        ComplaintService(
            1003, "Tanggul rusak", "BANJIR", _SDA, 168, ("Tanggul kali retak.", "Air merembes dari tanggul.")
        ),
        ComplaintService(
            1101, "Sampah", "KEBERSIHAN", _LH, 48, ("Sampah menumpuk tiga hari.", "Warga buang sampah di kali.")
        ),
        ComplaintService(1102, "Pembakaran sampah", "KEBERSIHAN", _LH, 48, ("Asap pembakaran sampah masuk rumah.",)),
        ComplaintService(1103, "Pencemaran udara", "KEBERSIHAN", _LH, 168, ("Bau menyengat dari bengkel cat.",)),
        ComplaintService(
            1201, "Jalan rusak", "JALAN", _BM, 168, ("Lubang besar di tengah jalan.", "Aspal mengelupas.")
        ),
        ComplaintService(
            1202, "Lampu jalan", "JALAN", _BM, 72, ("Lampu jalan mati sejak seminggu.", "Lampu berkedip di gang.")
        ),
        ComplaintService(1203, "Trotoar rusak", "JALAN", _BM, 168, ("Ubin trotoar lepas.", "Guiding block terputus.")),
        ComplaintService(
            1204, "Jembatan penyeberangan", "JALAN", _BM, 336, ("Lantai JPO berlubang.", "Lift JPO mati.")
        ),
        ComplaintService(
            1301, "Parkir liar", "LALU LINTAS", _DISHUB, 24, ("Mobil parkir di trotoar.", "Juru parkir memaksa.")
        ),
        ComplaintService(1302, "Kemacetan", "LALU LINTAS", _DISHUB, 72, ("Macet tiap sore di simpang.",)),
        ComplaintService(
            1303, "Rambu lalu lintas", "LALU LINTAS", _DISHUB, 168, ("Rambu tertutup pohon.", "Lampu merah mati.")
        ),
        ComplaintService(1304, "Angkutan umum", "LALU LINTAS", _DISHUB, 168, ("Bus tidak berhenti di halte.",)),
        ComplaintService(1401, "Pedagang kaki lima", "KETERTIBAN", _SATPOL, 72, ("Trotoar dipakai berjualan.",)),
        ComplaintService(1402, "Gangguan ketertiban", "KETERTIBAN", _SATPOL, 48, ("Musik keras sampai larut malam.",)),
        ComplaintService(1403, "Reklame liar", "KETERTIBAN", _SATPOL, 72, ("Spanduk dipaku di pohon.",)),
        ComplaintService(
            1501, "Pohon tumbang", "POHON", _TAMAN, 24, ("Pohon tumbang menutup jalan.", "Dahan hampir patah.")
        ),
        ComplaintService(1502, "Taman dan RPTRA", "POHON", _TAMAN, 168, ("Ayunan taman rusak.", "Lampu RPTRA padam.")),
        ComplaintService(1601, "Penyandang masalah sosial", "SOSIAL", _SOSIAL, 48, ("Lansia telantar di halte.",)),
        ComplaintService(1602, "Bantuan sosial", "SOSIAL", _SOSIAL, 168, ("Kartu bantuan belum diterima.",)),
        ComplaintService(1701, "Bangunan tanpa izin", "BANGUNAN", _CITATA, 336, ("Bangunan menutup saluran.",)),
        ComplaintService(1801, "Demam berdarah", "KESEHATAN", _KESEHATAN, 48, ("Minta fogging, ada warga sakit.",)),
        ComplaintService(1901, "Pelayanan kelurahan", "PELAYANAN", _DUKCAPIL, 72, ("Antrean KTP terlalu lama.",)),
        ComplaintService(1902, "Fasilitas sekolah", "PELAYANAN", _PENDIDIKAN, 336, ("Atap kelas bocor.",)),
        ComplaintService(2001, "Aspirasi", "ASPIRASI", "Biro Pemerintahan", 336),
        ComplaintService(2101, "JakWiFi rusak", "JAKWIFI", "Diskominfotik", 72),
    )
}
"""Every category by its code."""
