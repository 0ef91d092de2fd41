"""The property tax connector as tests use it, and recorded answers of the agency."""

from pathlib import Path

from connectors.drivers.http.driver import HttpReply
from connectors.tax import PropertyTax, tax_objects
from records.identifiers import Nik
from records.tax import TaxObject
from sandbox.population.city_population import SAMPLES

RECORDED = Path(__file__).parent / "recorded"
SITI, BUDI, DEWI, AGUS = (Nik(SAMPLES[name].nik) for name in ("siti", "budi", "dewi", "agus"))


def connect(url: str, *, secret: str = "rahasia-uji", deadline: float = 5, max_concurrency: int = 8) -> PropertyTax:
    return PropertyTax.connect(
        PropertyTax.open_driver(url, deadline=deadline, connections=32),
        user="simpul",
        password=secret,
        max_concurrency=max_concurrency,
    )


def map_reply(body: bytes, *, status: int = 200, owner: Nik = SITI) -> tuple[TaxObject, ...] | None:
    """Maps the bytes of the agency's answer to `GetObjekByNik` with the connector."""
    soap = connect("http://pbb.invalid")._soap
    return tax_objects(soap.read("GetObjekByNik", HttpReply(status=status, headers={}, body=body)), owner)


def load_recorded(name: str) -> bytes:
    return (RECORDED / f"pbb_objects_{name}.xml").read_bytes()
