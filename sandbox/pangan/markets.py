"""The markets and commodities of the sandbox's food price service."""

from collections.abc import Mapping
from dataclasses import dataclass

CITIES = {1: "Jakarta Barat", 2: "Jakarta Pusat", 3: "Jakarta Selatan", 4: "Jakarta Timur", 5: "Jakarta Utara"}
"""The service's own city numbers: 1 to 5 in the order of the names, unlike Kemendagri's and BPS's."""

_CITY_OF = {"31.73": 1, "31.71": 2, "31.74": 3, "31.75": 4, "31.72": 5}


@dataclass(frozen=True, slots=True)
class PanganMarket:
    """One market: number, name, dotted code of its kelurahan, and whether it sells wholesale."""

    id: int
    name: str
    kelurahan: str
    wholesale: bool

    @property
    def city(self) -> int:
        """The service's number of the market's city."""
        return _CITY_OF[self.kelurahan[:5]]


@dataclass(frozen=True, slots=True)
class PanganCommodity:
    """One commodity: number, name, unit, and the usual price in Rupiah around which it moves."""

    id: int
    name: str
    unit: str
    usual_price: int


_WHOLESALE = frozenset({"Pasar Induk Kramat Jati", "Pasar Induk Beras Cipinang", "Pasar Induk Tanah Tinggi"})

_MARKETS = (
    ("Pasar Johar Baru", "31.71.08.1001"),
    ("Pasar Cempaka Putih", "31.71.05.1002"),
    ("Pasar Senen Blok III - VI", "31.71.04.1001"),
    ("Pasar Rawasari", "31.71.05.1003"),
    ("Pasar Cideng Thomas", "31.71.01.1002"),
    ("Pasar Petojo Ilir", "31.71.01.1003"),
    ("Pasar Paseban", "31.71.04.1003"),
    ("Pasar Gondangdia", "31.71.06.1004"),
    ("Pasar Induk Tanah Tinggi", "31.71.08.1004"),
    ("Pasar Bendungan Hilir", "31.71.07.1002"),
    ("Pasar Sumur Batu", "31.71.03.1007"),
    ("Pasar Pluit", "31.72.01.1005"),
    ("Pasar Koja Baru", "31.72.03.1001"),
    ("Pasar Kelapa Gading", "31.72.06.1001"),
    ("Pasar Rawa Badak", "31.72.03.1004"),
    ("Pasar Sunter Podomoro", "31.72.02.1006"),
    ("Pasar Anyer Bahari", "31.72.02.1001"),
    ("Pasar Warakas", "31.72.02.1007"),
    ("Pasar Kalibaru", "31.72.04.1004"),
    ("Pasar Pademangan Barat", "31.72.05.1002"),
    ("Pasar Tomang Barat", "31.73.02.1003"),
    ("Pasar Grogol", "31.73.02.1001"),
    ("Pasar Glodok", "31.73.03.1007"),
    ("Pasar Pos Pengumben", "31.73.05.1003"),
    ("Pasar Kalideres", "31.73.06.1001"),
    ("Pasar Cengkareng", "31.73.01.1006"),
    ("Pasar Palmerah", "31.73.07.1001"),
    ("Pasar Slipi", "31.73.07.1002"),
    ("Pasar Jembatan Lima", "31.73.04.1008"),
    ("Pasar Minggu", "31.74.04.1001"),
    ("Pasar Mayestik", "31.74.07.1002"),
    ("Pasar Pondok Labu", "31.74.06.1003"),
    ("Pasar Tebet Barat", "31.74.01.1002"),
    ("Pasar Tebet Timur", "31.74.01.1001"),
    ("Pasar Rumput", "31.74.02.1006"),
    ("Pasar Santa", "31.74.07.1008"),
    ("Pasar Cipete", "31.74.06.1005"),
    ("Pasar Lenteng Agung", "31.74.09.1004"),
    ("Pasar Kebayoran Lama", "31.74.05.1001"),
    ("Pasar Mampang Prapatan", "31.74.03.1001"),
    ("Pasar Induk Kramat Jati", "31.75.04.1002"),
    ("Pasar Induk Beras Cipinang", "31.75.02.1002"),
    ("Pasar Jatinegara", "31.75.03.1003"),
    ("Pasar Rawamangun", "31.75.02.1005"),
    ("Pasar Klender SS", "31.75.07.1003"),
    ("Pasar Perumnas Klender", "31.75.07.1005"),
    ("Pasar Cijantung", "31.75.05.1003"),
    ("Pasar Ciracas", "31.75.09.1001"),
    ("Pasar Kramat Jati", "31.75.04.1001"),
    ("Pasar Cibubur", "31.75.09.1002"),
)

MARKETS: Mapping[int, PanganMarket] = {
    number: PanganMarket(number, name, kelurahan, name in _WHOLESALE)
    for number, (name, kelurahan) in enumerate(_MARKETS, start=1)
}
"""Every market by its number."""

_COMMODITIES = (
    ("Beras IR. I (IR 64)", "kg", 14000),
    ("Beras IR. II (IR 64) Ramos", "kg", 13200),
    ("Beras IR. III (IR 64)", "kg", 12400),
    ("Beras IR 42/Pera", "kg", 15500),
    ("Beras Muncul I", "kg", 15000),
    ("Beras Setra I/Premium", "kg", 16200),
    ("Beras Ketan Putih", "kg", 18500),
    ("Minyak Goreng (Kuning/Curah)", "kg", 19500),
    ("Minyak Goreng Kemasan", "liter", 21000),
    ("Cabe Merah Keriting", "kg", 52000),
    ("Cabe Merah Besar (TW)", "kg", 55000),
    ("Cabe Rawit Merah", "kg", 68000),
    ("Cabe Rawit Hijau", "kg", 46000),
    ("Bawang Merah", "kg", 42000),
    ("Bawang Putih", "kg", 40500),
    ("Bawang Bombay", "kg", 33000),
    ("Ayam Broiler/Ras", "ekor", 41000),
    ("Ayam Kampung", "ekor", 78000),
    ("Telur Ayam Ras", "kg", 29500),
    ("Telur Ayam Kampung", "butir", 3200),
    ("Daging Sapi Has (Paha Belakang)", "kg", 142000),
    ("Daging Sapi Murni (Semur)", "kg", 136000),
    ("Daging Kambing", "kg", 155000),
    ("Daging Babi Berlemak", "kg", 98000),
    ("Ikan Bandeng (Sedang)", "kg", 42000),
    ("Ikan Mas", "kg", 46000),
    ("Ikan Lele", "kg", 33000),
    ("Ikan Tongkol", "kg", 44000),
    ("Ikan Kembung", "kg", 48000),
    ("Udang", "kg", 92000),
    ("Cumi-cumi", "kg", 84000),
    ("Kelapa Kupas", "butir", 16000),
    ("Gula Pasir", "kg", 18200),
    ("Gula Merah", "kg", 24500),
    ("Garam Dapur", "kg", 11500),
    ("Tepung Terigu", "kg", 12600),
    ("Kacang Kedelai Impor", "kg", 13500),
    ("Kacang Tanah", "kg", 34000),
    ("Kacang Hijau", "kg", 27500),
    ("Jagung Pipil", "kg", 12000),
    ("Kentang (Sedang)", "kg", 19800),
    ("Tomat Buah", "kg", 17500),
    ("Wortel", "kg", 16800),
    ("Buncis", "kg", 21500),
    ("Susu Bubuk Bendera 400 gr", "dus", 45000),
    ("Susu Kental Manis", "kaleng", 13800),
    ("Gas Elpiji 3 kg", "tabung", 22500),
)

COMMODITIES: Mapping[int, PanganCommodity] = {
    number: PanganCommodity(number, *row) for number, row in enumerate(_COMMODITIES, start=1)
}
"""Every commodity by its number."""
