"""The directory of partners, as their contracts list them: what they are, and what they offer."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from records.description import DescribedEnum, Doc
from records.languages import Language
from records.purposes import Purpose, Scope
from records.record import record


class PartnerChannel(DescribedEnum):
    """The kind of customers that a partner serves through the hub."""

    B2C = "B2C", "Businesses for citizens, who consent to what they read."
    B2G = "B2G", "Businesses for the city, to which they offer goods and services."


@record
class ListedText:
    """A text in the languages of the hub."""

    english: str
    indonesian: str

    def get_text(self, language: Language) -> str:
        """The text for people who read this language."""
        return self.indonesian if language is Language.INDONESIAN else self.english


@record
class PartnerOffer:
    """An offer of a partner."""

    id: Annotated[str, Doc("Identifier in the partner's contract.")]
    title: Annotated[ListedText, Doc("Title of the offer.")]
    about: Annotated[ListedText, Doc("What is offered.")]
    url: Annotated[str, Doc("Web address of the offer.")]
    until: Annotated[date | None, Doc("Last day of the offer; null if it has no end.")]


@record
class PartnerListing:
    """The entry of a partner in the directory."""

    channel: Annotated[PartnerChannel, Doc("Kind of customers that the partner serves.")]
    about: Annotated[ListedText, Doc("What the partner does.")]
    url: Annotated[str, Doc("Web address of the partner.")]
    offers: Annotated[tuple[PartnerOffer, ...], Doc("Its offers.")]


@record
class Partner:
    """A partner of the city with an entry in the directory."""

    name: Annotated[str, Doc("Name of the partner.")]
    listing: Annotated[PartnerListing, Doc("Its entry.")]
    scopes: Annotated[tuple[Scope, ...], Doc("Data that it may request from people, each with their consent.")]
    purposes: Annotated[tuple[Purpose, ...], Doc("Purposes for which it may request consent.")]

    def matches(self, query: PartnerQuery, today: date) -> bool:
        """Whether a search finds it: by its name, its description, or an offer that still stands."""
        offers = [each for each in self.listing.offers if each.until is None or each.until >= today]
        texts = [self.listing.about, *(text for each in offers for text in (each.title, each.about))]
        found = [self.name, *(part for each in texts for part in (each.english, each.indonesian))]
        is_wanted = query.channel in {None, self.listing.channel}
        return is_wanted and any(query.search.casefold() in each.casefold() for each in found)


@record
class PartnerQuery:
    """A search of the directory; empty text finds all."""

    search: str = ""
    channel: PartnerChannel | None = None
