"""Reads the entry of a client in the directory of partners, the table `[listing]` of its contract."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from records.hub.partner_addresses import find_address_fault
from records.partners import ListedText, PartnerChannel, PartnerListing, PartnerOffer

_MAX_OFFERS: Final = 20


def _check_address(address: str) -> str:
    if (fault := find_address_fault(address)) is not None:
        raise ValueError(f"the address {fault}")
    return address


Address = Annotated[str, AfterValidator(_check_address)]


class _ListingPart(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _TextTable(_ListingPart):
    en: str = Field(min_length=1, max_length=300)
    id: str = Field(min_length=1, max_length=300)

    def to_record(self) -> ListedText:
        return ListedText(english=self.en, indonesian=self.id)


class _OfferTable(_ListingPart):
    id: str = Field(pattern=r"^[a-z0-9-]{1,50}$")
    title: _TextTable
    about: _TextTable
    url: Address
    until: date | None = None


class _ListingTable(_ListingPart):
    channel: PartnerChannel
    about: _TextTable
    url: Address
    offers: tuple[_OfferTable, ...] = Field(default=(), max_length=_MAX_OFFERS)


def parse_listing(value: object) -> PartnerListing:
    """The entry from its table. Raises ValueError with the member and the problem."""
    try:
        table = _ListingTable.model_validate(value)
    except ValidationError as invalid:
        [first, *_] = invalid.errors(include_url=False)
        place = ".".join(map(str, ("listing", *first["loc"])))
        raise ValueError(f"'{place}': {first['msg']}") from None
    if len({each.id for each in table.offers}) < len(table.offers):
        raise ValueError("'listing.offers' has two offers with one id")
    return PartnerListing(
        channel=table.channel,
        about=table.about.to_record(),
        url=table.url,
        offers=tuple(
            PartnerOffer(
                id=each.id, title=each.title.to_record(), about=each.about.to_record(), url=each.url, until=each.until
            )
            for each in table.offers
        ),
    )
