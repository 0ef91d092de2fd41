"""Words of records, and the words of agencies for the same things: Indonesian, and English where it is common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

SYNONYMS: Final[Mapping[str, Sequence[str]]] = {
    "address": ("alamat", "jalan", "street"),
    "amount": ("jumlah", "nilai", "total", "nominal", "bayar"),
    "area": ("luas",),
    "average": ("rata", "rata rata", "avg", "mean"),
    "assessed": ("njop", "njop total", "jual"),
    "bills": ("tagihan", "sppt", "bill"),
    "cancelled": ("batal", "dibatalkan", "void"),
    "catalogue": ("katalog", "catalog"),
    "code": ("kode", "id", "no"),
    "birth": ("lahir", "lhr"),
    "blood": ("darah",),
    "building": ("bangunan", "bng"),
    "category": ("kategori", "jenis"),
    "city": ("kota", "kabupaten", "kab"),
    "commodity": ("komoditas", "komoditi"),
    "facility": ("fasilitas",),
    "gate": ("pintu", "pintu air"),
    "station": ("stasiun",),
    "trend": ("tren",),
    "wifi": ("wifi", "hotspot"),
    "coordinates": ("koordinat", "lokasi"),
    "date": ("tanggal", "tgl"),
    "day": ("tanggal", "date", "hari"),
    "description": ("keterangan", "deskripsi", "uraian"),
    "district": ("kecamatan", "kec"),
    "due": ("jatuh tempo", "tempo"),
    "emergency": ("igd", "ugd", "er"),
    "exempt": ("njoptkp", "tidak kena"),
    "fine": ("denda",),
    "grade": ("nilai", "peringkat", "kelas"),
    "has": ("ada", "punya"),
    "highest": ("tertinggi", "max", "maks", "maksimum"),
    "household": ("keluarga",),
    "id": ("id", "kode", "nomor", "no"),
    "index": ("indeks", "nilai", "aqi"),
    "industry": ("kbli", "industri"),
    "issued": ("terbit", "diterbitkan"),
    "kind": ("jenis", "tipe", "type", "kategori"),
    "land": ("bumi", "tanah"),
    "level": ("tingkat", "jenjang", "jenis", "tipe", "type"),
    "lowest": ("terendah", "min", "minimum"),
    "market": ("pasar",),
    "month": ("bulan",),
    "monthly": ("bulanan", "bulan", "month"),
    "movement": ("arah", "tren", "trend", "perubahan"),
    "msme": ("umkm", "usaha"),
    "name": ("nama", "title", "judul"),
    "observed": ("survei", "survey", "pantau", "pengamatan", "observasi"),
    "on": ("tanggal", "date"),
    "owner": ("nik", "pemilik", "nik pemilik"),
    "paid": ("bayar",),
    "payments": ("pembayaran",),
    "phone": ("telepon", "hp", "tel", "telephone", "kontak"),
    "point": ("titik", "site", "spot", "lokasi"),
    "points": ("harian", "titik"),
    "previous": ("sebelumnya", "prev", "lalu", "kemarin", "yesterday"),
    "provider": ("penyedia", "isp", "operator"),
    "price": ("harga",),
    "product": ("produk",),
    "public": ("publik", "umum"),
    "quality": ("kualitas", "kategori", "category"),
    "receipt": ("bukti", "kuitansi"),
    "reduction": ("pengurangan", "discount"),
    "region": ("wilayah", "kode wilayah", "kode kec", "kode kel"),
    "registered": ("daftar", "terdaftar", "pendaftaran"),
    "revenue": ("omzet", "omset", "pendapatan", "turnover", "sales"),
    "room": ("ruang", "24 h"),
    "seller": ("penjual", "nama penjual", "nama usaha", "nama umkm", "nama toko"),
    "sequence": ("urut", "urutan", "ke"),
    "sex": ("jenis kelamin", "jk"),
    "short": ("singkat",),
    "stage": ("tahap", "tahapan"),
    "status": ("status", "keadaan"),
    "tax": ("pajak", "terhutang", "pajak terhutang"),
    "taxpayer": ("wajib pajak", "wp"),
    "unit": ("satuan",),
    "value": ("nilai", "njop"),
    "year": ("tahun",),
}
"""By a word of a field's name."""

TYPE_WORDS: Final[Mapping[str, Sequence[str]]] = {
    "Nik": ("nik", "ktp", "nomor ktp", "nomor induk kependudukan", "national id", "citizen id", "nik pemilik"),
    "FamilyCardNumber": ("no kk", "kk", "nomor kk"),
    "Nib": ("nib", "nomor induk berusaha"),
    "Nop": ("nop", "nomor objek pajak"),
    "RegionCode": (
        *("kode kelurahan", "kode kecamatan", "kode wilayah", "kode kemendagri", "kode kota", "kode desa"),
        *("region code", "district code", "area code", "kelurahan id", "kecamatan id"),
    ),
}
"""By the type of a field: columns with these names hold it."""

ABBREVIATIONS: Final[Mapping[str, str]] = {
    "alm": "alamat",
    "bln": "bulan",
    "code": "kode",
    "hrg": "harga",
    "jml": "jumlah",
    "kab": "kabupaten",
    "kd": "kode",
    "kec": "kecamatan",
    "kel": "kelurahan",
    "ket": "keterangan",
    "nm": "nama",
    "no": "nomor",
    "number": "nomor",
    "prov": "provinsi",
    "telp": "telepon",
    "tgl": "tanggal",
    "thn": "tahun",
    "tlp": "telepon",
}
"""Short words in names of columns, and the whole words."""

NOISE: Final = frozenset(
    {"m", "mst", "master", "ref", "t", "tb", "tbl", "trx", "v", "vw", "data", "dim", "fact", "list"}
)
"""Words of names that say nothing about the content."""

LATITUDE: Final = ("latitude", "lat", "lintang", "y")
LONGITUDE: Final = ("longitude", "lon", "lng", "long", "bujur", "x")
