"""Small businesses with their owners, in nightly files with fixed columns: the real domain, from sealed snapshots."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from auth.crypto.snapshot_keys import SnapshotKeys
from connectors.declared.connector import build_declared_connector
from connectors.declared.driver_family import HubValues
from connectors.declared.snapshot.process import Build
from connectors.declared.snapshot.protection import CopyProtection, ListErased, no_erasures
from connectors.drivers.files.driver import FilesDriver
from records.clocks import CITY_TIME_ZONE
from resolvers.msmes import Msmes
from sandbox.population.samples import SAMPLES
from tests.connectors.declared.snapshot.points import Loading, build_gate, drop, parse_tables

POSITIONS: Mapping[str, tuple[int, int]] = {
    "id": (1, 8),
    "nik": (9, 24),
    "nama": (25, 64),
    "omzet": (65, 79),
    "telp": (80, 94),
    "alamat": (95, 144),
}
PRODUCT_POSITIONS: Mapping[str, tuple[int, int]] = {
    "id": (1, 8),
    "umkm": (9, 16),
    "nik": (17, 32),
    "nama": (33, 72),
    "katalog": (73, 73),
}
_ROWS: Mapping[str, Any] = {
    "encoding": "latin-1",
    "checksum": "sha256",
    "trailer": {"marker": "TRL", "count": [4, 11]},
}
SNAPSHOT: Mapping[str, Any] = {"every": "1 h", "max_age": "2 d", "remove_after": "7 d"}
TABLES: Mapping[str, Any] = {
    "lacks": ["catalogue_lists"],
    "snapshots": {
        "enterprises": {
            **SNAPSHOT,
            "rows": {**_ROWS, "file": "umkm_{date}.txt", "columns": {name: list(at) for name, at in POSITIONS.items()}},
        },
        "products": {
            **SNAPSHOT,
            "rows": {
                **_ROWS,
                "file": "produk_{date}.txt",
                "columns": {name: list(at) for name, at in PRODUCT_POSITIONS.items()},
            },
        },
    },
    "reads": {
        "msmes_of": {"snapshot": "enterprises", "key": "owner"},
        "msmes": {"snapshot": "enterprises", "key": "id"},
        "products_of": {"snapshot": "products", "key": "msme_id"},
    },
    "records": {
        "Msme": {
            "id": "id",
            "owner": "nik",
            "nib": [],
            "name": "nama",
            "monthly_revenue": "omzet",
            "phone": {"from": "telp", "read": "phone"},
            "address": "alamat",
            **{name: [] for name in ("industry_code", "region_code", "stage", "grade", "registered_on")},
        },
        "Product": {
            "id": "id",
            "msme_id": "umkm",
            "owner": "nik",
            "name": "nama",
            "price": [],
            "in_public_catalogue": {"from": "katalog", "values": {"Y": True}, "unknown": False},
        },
    },
}


@dataclass(frozen=True, slots=True)
class Enterprise:
    """One row, with one product."""

    id: str
    nik: str
    name: str
    revenue: int = 2_500_000
    phone: str = "081234567890"
    address: str = "Jl. Kramat Raya 45"

    @property
    def product(self) -> str:
        """The name of the product."""
        return f"Kue {self.name}"

    @property
    def secrets(self) -> Sequence[str]:
        """What no file of the hub may hold."""
        return (self.nik, self.name, self.phone.removeprefix("0"), self.address, self.product)


SITI = Enterprise("101", SAMPLES["siti"].nik, "Warung Sénen Siti")
SECOND_OF_SITI = replace(SITI, id="102", name="Katering Melati")
BUDI = Enterprise("201", SAMPLES["budi"].nik, "Bengkel Budi", phone="081398765432", address="Jl. Rawa Kepa XI No 3")
ALL = (SITI, SECOND_OF_SITI, BUDI)


def today(days_ago: int = 0) -> str:
    """A day as names of files have it."""
    return (datetime.now(CITY_TIME_ZONE) - timedelta(days=days_ago)).strftime("%Y%m%d")


def drop_enterprises(folder: Path, enterprises: Sequence[Enterprise] = ALL, day: str | None = None) -> list[Path]:
    """Leave the two files of a night, with their checksums."""
    folder.mkdir(parents=True, exist_ok=True)
    day = day or today()
    rows = [
        {"id": e.id, "nik": e.nik, "nama": e.name, "omzet": f"{e.revenue:015d}", "telp": e.phone, "alamat": e.address}
        for e in enterprises
    ]
    products = [{"id": f"9{e.id}", "umkm": e.id, "nik": e.nik, "nama": e.product, "katalog": "T"} for e in enterprises]
    return [
        *_drop(folder, f"umkm_{day}.txt", POSITIONS, rows),
        *_drop(folder, f"produk_{day}.txt", PRODUCT_POSITIONS, products),
    ]


def _drop(
    folder: Path, name: str, positions: Mapping[str, tuple[int, int]], rows: Iterable[Mapping[str, str]]
) -> Iterable[Path]:
    lines = [
        "".join(row[column].ljust(last - first + 1) for column, (first, last) in positions.items()) for row in rows
    ]
    content = "".join(f"{each}\r\n" for each in (*lines, f"TRL{len(lines):08d}")).encode("latin-1")
    yield drop(folder, name, content)
    yield drop(folder, f"{name}.sha256", f"{hashlib.sha256(content).hexdigest()}  {name}\n")


def find_plain_text(folder: Path, secrets: Iterable[str]) -> list[tuple[str, str]]:
    """The files that hold one of the texts, in any case and in the usual encodings."""
    wanted = {
        each: [
            form.encode(code)
            for form in (each, each.lower(), each.upper())
            for code in ("utf-8", "latin-1", "utf-16-le")
        ]
        for each in secrets
    }
    return [
        (path.name, secret)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for body in [path.read_bytes()]
        for secret, forms in wanted.items()
        if any(form in body for form in forms)
    ]


SECRET, NEWER_SECRET = b"k" * 32, b"n" * 32


def build_protection(*secrets: bytes, list_erased: ListErased = no_erasures) -> CopyProtection:
    """Keys of these secrets, the newest first."""
    return CopyProtection(keys=SnapshotKeys(*(secrets or (SECRET,))), list_erased=list_erased)


def build_enterprises(
    folder: Path,
    given: Mapping[str, Any] = TABLES,
    *,
    protection: CopyProtection | None = None,
    build: Build | None = None,
) -> tuple[Loading, Loading]:
    """The loadings of enterprises and of products, over the files in `folder/drops`."""
    driver = FilesDriver(folder / "drops", None, gate=build_gate("umkm"))
    hub = HubValues(snapshot_folder=folder / "snapshots", copy_protection=protection or build_protection())
    connector = build_declared_connector(Msmes, parse_tables("files", given), driver, agency="umkm", hub=hub)
    enterprises, products = (Loading(connector, build, name) for name in ("enterprises", "products"))
    return enterprises, products


def build_manifest_changes(drops: Path) -> dict[str, Any]:
    """The changes that make an agency of small businesses one that leaves files."""
    return {
        **deepcopy(dict(TABLES)),
        "wire": {"driver": "files", "url": f"file://{drops}"},
        "probe": None,
        "trouble": None,
    }
