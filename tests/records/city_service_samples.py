"""A service of a city, for tests."""

from __future__ import annotations

from records.city_services import (
    CityService,
    OpeningPeriod,
    ServiceAccess,
    ServiceAudience,
    ServiceChannel,
    ServiceTopic,
)
from records.identifiers import Rupiah
from records.languages import Language


def service(
    code: str,
    *,
    name: str = "Bills",
    agency: str | None = "pbb",
    audience: ServiceAudience = ServiceAudience.EVERYONE,
    sign_in_url: str | None = None,
) -> CityService:
    """One about taxes, for an audience."""
    return CityService(
        code=code,
        names={Language.ENGLISH: name, Language.INDONESIAN: "Tagihan"},
        summaries={Language.ENGLISH: "Shows what is due.", Language.INDONESIAN: "Menampilkan tagihan."},
        accessibility_notes=(),
        owners={},
        agency=agency,
        topic=ServiceTopic.TAX,
        access=ServiceAccess.LINK,
        channels=(ServiceChannel.G2C,),
        audiences=(audience,),
        operation=None,
        sign_in_url=sign_in_url,
        url="https://pajak.example/?a=1&b=2",
        phone=None,
        saved_minutes=90,
        saved_rupiah=Rupiah(20_000),
        opening_hours=(OpeningPeriod(weekday=1, opens="08:00", closes="16:00"),),
    )
