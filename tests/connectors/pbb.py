"""The property tax connector as tests use it, and recorded answers of the agency."""

from pathlib import Path

from connectors.drivers.http import HttpReply
from connectors.tax import PropertyTax, tax_objects
from records.identifiers import Nik
from records.tax import TaxObject
from sandbox.people import SAMPLES

RECORDED = Path(__file__).parent / "recorded"
SITI, BUDI, DEWI, AGUS = (Nik(SAMPLES[name].nik) for name in ("siti", "budi", "dewi", "agus"))


def connected(url: str, *, secret: str = "rahasia-uji", deadline: float = 5, at_once: int = 8) -> PropertyTax:
    return PropertyTax.connect(url, user="simpul", password=secret, deadline=deadline, at_once=at_once)


def mapped(body: bytes, *, status: int = 200, owner: Nik = SITI) -> tuple[TaxObject, ...] | None:
    """What the connector makes of an answer of the agency to `GetObjekByNik`, byte by byte."""
    soap = connected("http://pbb.invalid")._soap
    return tax_objects(soap.read("GetObjekByNik", HttpReply(status=status, headers={}, body=body)), owner)


def recorded(name: str) -> bytes:
    return (RECORDED / f"pbb_objects_{name}.xml").read_bytes()
