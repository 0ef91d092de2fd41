"""The property tax connector as tests use it, and recorded answers of the agency."""

from pathlib import Path

from connectors.drivers.http.driver import HttpDriver, HttpReply
from connectors.drivers.http.service import HttpLimits, HttpService
from connectors.drivers.soap.driver import SoapDriver
from connectors.resilience.gate import Gate
from connectors.tax import WSDL, PropertyTax, tax_objects
from records.identifiers import Nik
from records.tax import TaxObject
from sandbox.population.city_population import SAMPLES

RECORDED = Path(__file__).parent / "recorded"
SITI, BUDI, DEWI, AGUS = (Nik(SAMPLES[name].nik) for name in ("siti", "budi", "dewi", "agus"))


def connect(
    url: str,
    *,
    user: str = "simpul",
    secret: str = "rahasia-uji",
    deadline: float = 5,
    max_concurrency: int = 8,
    gate: Gate | None = None,
) -> PropertyTax:
    http = HttpDriver(
        HttpService("pbb", url, headers={"Accept": "text/xml"}),
        HttpLimits(deadline=deadline, connections=32, max_bytes=2 * 1024 * 1024),
    )
    credentials = {"otentikasi": {"pengguna": user, "kata_sandi": secret}}
    return PropertyTax(SoapDriver(http, WSDL, headers=credentials, gate=gate), max_concurrency=max_concurrency)


def map_reply(body: bytes, *, status: int = 200, owner: Nik = SITI) -> tuple[TaxObject, ...] | None:
    """Maps the bytes of the agency's answer to `GetObjekByNik` with the connector."""
    soap = connect("http://pbb.invalid")._soap
    return tax_objects("pbb", soap.read("GetObjekByNik", HttpReply(status=status, headers={}, body=body)), owner)


def load_recorded(name: str) -> bytes:
    return (RECORDED / f"pbb_objects_{name}.xml").read_bytes()
