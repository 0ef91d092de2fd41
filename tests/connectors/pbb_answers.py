"""The property tax agency of the sandbox city as tests connect it, and its recorded answers."""

from collections.abc import Callable, Coroutine, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from connectors.declared.connector import DeclaredConnector, build_declared_connector
from connectors.declared.driver_family import CallLimits
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.reply import HttpReply
from connectors.drivers.http.service import HttpLimits, HttpService
from connectors.drivers.soap.driver import SoapDriver
from connectors.drivers.soap.envelopes import SoapRequest
from connectors.drivers.soap.replies import SoapReply
from connectors.drivers.soap.service import SoapService
from connectors.drivers.soap.wsdl import Wsdl
from connectors.resilience.gate import Gate
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.identifiers import Nik
from records.tax import TaxObject
from resolvers.tax import Tax
from sandbox.population.city_population import SAMPLES
from settings.city.folder import DEFAULT_CITY
from tests.connectors.city_agencies import load_tables
from tests.connectors.failures import make_call

RECORDED = Path(__file__).parent / "recorded"
SITI, BUDI, DEWI, AGUS = (Nik(SAMPLES[name].nik) for name in ("siti", "budi", "dewi", "agus"))
T = TypeVar("T")
WSDL = DEFAULT_CITY / "wsdl" / "property_tax.wsdl"


@cache
def load_wsdl() -> Wsdl:
    """The WSDL of the agency."""
    return Wsdl(WSDL, "1.1")


def open_driver(
    url: str, *, user: str = "simpul", secret: str = "rahasia-uji", deadline: float = 5, gate: Gate | None = None
) -> SoapDriver:
    """The driver of the agency."""
    http = HttpDriver(
        HttpService("pbb", url, headers={"Accept": "text/xml"}),
        HttpLimits(deadline=deadline, connections=32, max_bytes=2 * 1024 * 1024),
    )
    credentials = {"otentikasi": {"pengguna": user, "kata_sandi": secret}}
    return SoapDriver(http, SoapService(wsdls=[load_wsdl()], headers=credentials), gate=gate)


class TaxConnector:
    """The declared connector of the agency, with its driver."""

    def __init__(self, driver: SoapDriver, *, max_concurrency: int = 64) -> None:
        """`max_concurrency` is that of the agency's terms."""
        self.driver = driver
        self.declared: DeclaredConnector = build_declared_connector(
            Tax, load_tables("pbb"), driver, agency="pbb", limits=CallLimits(max_concurrency=max_concurrency)
        )
        self.objects_of: Any = self.declared.objects_of
        self.probe = self.declared.probe

    async def close(self) -> None:
        """Close the connections."""
        await self.driver.close()


def connect(
    url: str,
    *,
    user: str = "simpul",
    secret: str = "rahasia-uji",
    deadline: float = 5,
    max_concurrency: int = 64,
    gate: Gate | None = None,
) -> TaxConnector:
    """The connector to an agency at this address."""
    driver = open_driver(url, user=user, secret=secret, deadline=deadline, gate=gate)
    return TaxConnector(driver, max_concurrency=max_concurrency)


class RepliedDriver(SoapDriver):
    """A driver that has received one reply, without any call."""

    def __init__(self, reply: SoapReply) -> None:
        http = HttpDriver(
            HttpService("pbb", "http://pbb.invalid", headers={}), HttpLimits(deadline=1, connections=1, max_bytes=1)
        )
        super().__init__(http, SoapService(wsdls=[load_wsdl()]))
        self._reply = reply

    async def ask(
        self, request: SoapRequest, values: Sequence[str | Sequence[str]], call: Call, parse: Callable[[SoapReply], T]
    ) -> T:
        del request, values, call
        return parse(self._reply)


def run_without_waiting(work: Coroutine[Any, Any, T]) -> T:
    """The result of work that may give turns to others, as long work on a slow machine does, but waits for nothing."""
    while True:
        try:
            waited_for = work.send(None)
        except StopIteration as done:
            return cast("T", done.value)
        assert waited_for is None, "it waited for something"


def tax_objects(reply: SoapReply, owner: Nik = SITI) -> tuple[TaxObject, ...] | None:
    """What the connector makes of a reply; None for an unknown person. Raises the failure of the answer."""
    reading = TaxConnector(RepliedDriver(reply)).objects_of([owner], make_call())
    answer: tuple[TaxObject, ...] | AgencyFailure | None = run_without_waiting(reading).get(owner)
    if isinstance(answer, AgencyFailure):
        raise answer
    return answer


def map_reply(body: bytes, *, status: int = 200, owner: Nik = SITI) -> tuple[TaxObject, ...] | None:
    """What the connector makes of the bytes of the agency's answer to `GetObjekByNik`."""
    read = open_driver("http://pbb.invalid").read("GetObjekByNik", HttpReply(status=status, headers={}, body=body))
    return tax_objects(read, owner)


def load_recorded(name: str) -> bytes:
    return (RECORDED / f"pbb_objects_{name}.xml").read_bytes()
