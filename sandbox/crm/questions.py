"""The questions of the complaint system's categories: the attributes of Open311 service definitions."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceQuestion:
    """One attribute of a service definition."""

    code: str
    datatype: str
    text: str
    hint: str = ""
    required: bool = False
    values: tuple[str, ...] = ()
    """The keys of the choices."""
    variable: bool = True
    """False for a notice, which is not answered."""

    def find_problem(self, given: tuple[str, ...]) -> str | None:
        """Why the values are no answer; None if they are one."""
        if not given:
            return f"attribute[{self.code}] is required for this service_code" if self.required else None
        if len(given) > 1 and self.datatype != "multivaluelist":
            return f"attribute[{self.code}] takes one value"
        if self.values and not set(given) <= set(self.values):
            return f"attribute[{self.code}] must be of {', '.join(self.values)}"
        return None


_SIZE = ServiceQuestion(
    code="UKURAN",
    datatype="singlevaluelist",
    text="Seberapa besar?",
    hint="Pilih satu",
    required=True,
    values=("KECIL", "SEDANG", "BESAR"),
)
_DANGER = ServiceQuestion(
    code="BAHAYA",
    datatype="string",
    text="Jika ada orang dalam bahaya, hubungi 112 sekarang.",
    variable=False,
)

QUESTIONS: Mapping[int, tuple[ServiceQuestion, ...]] = {
    1001: (
        _DANGER,
        _SIZE,
        ServiceQuestion(code="TINGGI", datatype="number", text="Berapa tinggi air?", hint="Dalam sentimeter"),
        ServiceQuestion(code="SEJAK", datatype="datetime", text="Sejak kapan?", hint="Tanggal dan jam"),
    ),
    1002: (_SIZE,),
    1003: (_SIZE,),
    1202: (
        ServiceQuestion(code="LAMPU", datatype="string", text="Nomor tiang lampu", hint="Tertulis di tiang"),
        ServiceQuestion(
            code="KEADAAN",
            datatype="multivaluelist",
            text="Apa yang rusak?",
            hint="Pilih satu atau lebih",
            values=("MATI", "BERKEDIP", "TIANG MIRING", "KABEL TERBUKA"),
        ),
    ),
    1501: (_SIZE,),
    1502: (_SIZE,),
    2001: (
        ServiceQuestion(
            code="BIDANG",
            datatype="singlevaluelist",
            text="Tentang apa aspirasi Anda?",
            hint="Pilih satu",
            required=True,
            values=("TRANSPORTASI", "LINGKUNGAN", "PENDIDIKAN", "KESEHATAN", "LAINNYA"),
        ),
        ServiceQuestion(code="USUL", datatype="text", text="Apa yang Anda usulkan?"),
    ),
    2101: (
        ServiceQuestion(
            code="TITIK", datatype="string", text="Nomor titik JakWiFi", hint="Tertulis di perangkat", required=True
        ),
        ServiceQuestion(
            code="GANGGUAN",
            datatype="singlevaluelist",
            text="Apa gangguannya?",
            hint="Pilih satu",
            required=True,
            values=("TIDAK ADA SINYAL", "LAMBAT", "PERANGKAT RUSAK"),
        ),
    ),
}
"""By the code of the category; other categories ask nothing."""
