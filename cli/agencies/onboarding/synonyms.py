"""Words of records, and the words of agencies for the same things: Indonesian, and English where it is common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

SYNONYMS: Final[Mapping[str, Sequence[str]]] = {
    "address": ("alamat", "jalan"),
    "amount": ("jumlah", "nilai", "total"),
    "average": ("rata", "avg", "mean"),
    "bills": ("tagihan",),
    "birth": ("lahir", "lhr"),
    "blood": ("darah",),
    "building": ("bangunan", "bng"),
    "category": ("kategori", "jenis"),
    "city": ("kota", "kabupaten", "kab"),
    "commodity": ("komoditas", "komoditi"),
    "coordinates": ("koordinat", "lokasi"),
    "date": ("tanggal", "tgl"),
    "day": ("tanggal", "tgl"),
    "description": ("keterangan", "deskripsi", "uraian"),
    "district": ("kecamatan", "kec"),
    "due": ("jatuh tempo",),
    "fine": ("denda",),
    "grade": ("nilai", "peringkat"),
    "highest": ("tertinggi", "max"),
    "household": ("keluarga",),
    "id": ("id", "kode", "nomor", "no"),
    "industry": ("kbli",),
    "land": ("bumi", "tanah"),
    "level": ("tingkat", "jenjang"),
    "lowest": ("terendah", "min"),
    "market": ("pasar",),
    "monthly": ("bulanan",),
    "msme": ("umkm", "usaha"),
    "name": ("nama", "nm", "nama usaha"),
    "observed": ("tanggal", "tgl", "waktu"),
    "on": ("tanggal", "tgl"),
    "owner": ("nik", "pemilik", "nik pemilik"),
    "paid": ("bayar",),
    "payments": ("pembayaran",),
    "phone": ("telepon", "telp", "hp", "no hp"),
    "previous": ("sebelumnya", "prev", "lalu"),
    "price": ("harga",),
    "product": ("produk",),
    "public": ("publik", "umum"),
    "receipt": ("bukti", "kuitansi"),
    "reduction": ("pengurangan",),
    "region": ("wilayah", "kode wilayah", "kode kec", "kode kel"),
    "registered": ("daftar", "terdaftar"),
    "revenue": ("omzet", "omset", "pendapatan"),
    "sequence": ("urut", "ke"),
    "sex": ("jenis kelamin", "jk"),
    "short": ("singkat",),
    "stage": ("tahap", "tahapan"),
    "status": ("status", "keadaan"),
    "tax": ("pajak", "terhutang"),
    "unit": ("satuan",),
    "value": ("nilai",),
    "year": ("tahun", "thn"),
}
"""By a word of a field's name."""

TYPE_WORDS: Final[Mapping[str, Sequence[str]]] = {
    "Nik": ("nik",),
    "FamilyCardNumber": ("no kk", "kk", "nomor kk"),
    "Nib": ("nib",),
    "Nop": ("nop",),
    "RegionCode": ("kode kel", "kode kec", "kode wilayah", "kode kemendagri", "region code"),
}
"""By the type of a field: columns with these names hold it."""

LATITUDE: Final = ("latitude", "lat", "lintang", "y")
LONGITUDE: Final = ("longitude", "lon", "lng", "long", "bujur", "x")
