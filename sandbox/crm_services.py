"""What citizens can complain about in the sandbox city: the Open311 service list of its complaint desk."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """One category of complaints: who works on it, within how many hours, and sentences that reporters write."""

    code: int
    name: str
    group: str
    agency: str
    sla_hours: int
    sentences: tuple[str, ...]

    @property
    def asks_more(self) -> bool:
        """Whether a report must answer further questions (`metadata` in Open311): floods and trees."""
        return self.group in {"BANJIR", "POHON"}


_SDA, _LH, _BM, _DISHUB = "Dinas Sumber Daya Air", "Dinas Lingkungan Hidup", "Dinas Bina Marga", "Dinas Perhubungan"
_SATPOL, _TAMAN, _SOSIAL, _CITATA = "Satpol PP", "Dinas Pertamanan", "Dinas Sosial", "Dinas Citata"
_KESEHATAN, _DUKCAPIL, _PENDIDIKAN = "Dinas Kesehatan", "Dinas Dukcapil", "Dinas Pendidikan"

SERVICES: Mapping[int, Service] = {
    service.code: service
    for service in (
        Service(1001, "Banjir", "BANJIR", _SDA, 24, ("Jalan tergenang setinggi lutut.", "Air masuk ke rumah warga.")),
        Service(1002, "Saluran air tersumbat", "BANJIR", _SDA, 72, ("Got mampet dan berbau.", "Got penuh lumpur.")),
        Service(1003, "Tanggul rusak", "BANJIR", _SDA, 168, ("Tanggul kali retak.", "Air merembes dari tanggul.")),
        Service(1101, "Sampah", "KEBERSIHAN", _LH, 48, ("Sampah menumpuk tiga hari.", "Warga buang sampah di kali.")),
        Service(1102, "Pembakaran sampah", "KEBERSIHAN", _LH, 48, ("Asap pembakaran sampah masuk rumah.",)),
        Service(1103, "Pencemaran udara", "KEBERSIHAN", _LH, 168, ("Bau menyengat dari bengkel cat.",)),
        Service(1201, "Jalan rusak", "JALAN", _BM, 168, ("Lubang besar di tengah jalan.", "Aspal mengelupas.")),
        Service(1202, "Lampu jalan", "JALAN", _BM, 72, ("Lampu jalan mati sejak seminggu.", "Lampu berkedip di gang.")),
        Service(1203, "Trotoar rusak", "JALAN", _BM, 168, ("Ubin trotoar lepas.", "Guiding block terputus.")),
        Service(1204, "Jembatan penyeberangan", "JALAN", _BM, 336, ("Lantai JPO berlubang.", "Lift JPO mati.")),
        Service(1301, "Parkir liar", "LALU LINTAS", _DISHUB, 24, ("Mobil parkir di trotoar.", "Juru parkir memaksa.")),
        Service(1302, "Kemacetan", "LALU LINTAS", _DISHUB, 72, ("Macet tiap sore di simpang.",)),
        Service(1303, "Rambu lalu lintas", "LALU LINTAS", _DISHUB, 168, ("Rambu tertutup pohon.", "Lampu merah mati.")),
        Service(1304, "Angkutan umum", "LALU LINTAS", _DISHUB, 168, ("Bus tidak berhenti di halte.",)),
        Service(1401, "Pedagang kaki lima", "KETERTIBAN", _SATPOL, 72, ("Trotoar dipakai berjualan.",)),
        Service(1402, "Gangguan ketertiban", "KETERTIBAN", _SATPOL, 48, ("Musik keras sampai larut malam.",)),
        Service(1403, "Reklame liar", "KETERTIBAN", _SATPOL, 72, ("Spanduk dipaku di pohon.",)),
        Service(1501, "Pohon tumbang", "POHON", _TAMAN, 24, ("Pohon tumbang menutup jalan.", "Dahan hampir patah.")),
        Service(1502, "Taman dan RPTRA", "POHON", _TAMAN, 168, ("Ayunan taman rusak.", "Lampu RPTRA padam.")),
        Service(1601, "Penyandang masalah sosial", "SOSIAL", _SOSIAL, 48, ("Lansia telantar di halte.",)),
        Service(1602, "Bantuan sosial", "SOSIAL", _SOSIAL, 168, ("Kartu bantuan belum diterima.",)),
        Service(1701, "Bangunan tanpa izin", "BANGUNAN", _CITATA, 336, ("Bangunan menutup saluran.",)),
        Service(1801, "Demam berdarah", "KESEHATAN", _KESEHATAN, 48, ("Minta fogging, ada warga sakit.",)),
        Service(1901, "Pelayanan kelurahan", "PELAYANAN", _DUKCAPIL, 72, ("Antrean KTP terlalu lama.",)),
        Service(1902, "Fasilitas sekolah", "PELAYANAN", _PENDIDIKAN, 336, ("Atap kelas bocor.",)),
    )
}
"""Every category by its code."""
