"""The directory of partners and their offers ("Together Building Jakarta")."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated

import strawberry

from auth.policy.children import get_city_date
from auth.policy.rules import Rule
from records.languages import Language
from records.partners import Partner, PartnerChannel, PartnerOffer, PartnerQuery
from resolvers.hub.partners import partner_lists
from schema.declarations.additions import adds_to_query
from schema.declarations.fields import derived, root
from schema.declarations.publishing import publishes
from schema.declarations.relay import Search
from schema.declarations.scalars import publish_enum

publish_enum(PartnerChannel)


@publishes(PartnerOffer, rule=Rule.PUBLIC, shows=("url", "until"))
class PartnerOfferType:
    """The published `PartnerOffer`."""

    @derived(returns=str | None)
    def title(record: PartnerOffer, language: Language) -> str:
        """Title of the offer, in the caller's language."""
        return record.title.get_text(language)

    @derived(returns=str | None)
    def description(record: PartnerOffer, language: Language) -> str:
        """What is offered, in the caller's language."""
        return record.about.get_text(language)


@publishes(Partner, rule=Rule.PUBLIC, shows=("name", "scopes", "purposes"))
class PartnerType:
    """The published `Partner`."""

    @derived(returns=PartnerChannel | None)
    def channel(record: Partner) -> PartnerChannel:
        """Kind of customers that the partner serves."""
        return record.listing.channel

    @derived(returns=str | None)
    def description(record: Partner, language: Language) -> str:
        """What the partner does, in the caller's language."""
        return record.listing.about.get_text(language)

    @derived(returns=str | None)
    def url(record: Partner) -> str:
        """Web address of the partner."""
        return record.listing.url

    @derived(returns=list[PartnerOfferType] | None, expected_size=3)
    def offers(record: Partner) -> Sequence[PartnerOffer]:
        """Its offers that have not ended."""
        today: date = get_city_date()
        return [each for each in record.listing.offers if each.until is None or each.until >= today]


@adds_to_query
class PartnerQueries:
    """The root field of partners."""

    @root(partner_lists, returns=list[PartnerType] | None, rule=Rule.PUBLIC, expected_size=20)
    def partners(
        search: Search = "",
        channel: Annotated[
            PartnerChannel | None, strawberry.argument(description="Only partners of this channel.")
        ] = None,
    ) -> PartnerQuery:
        """Partners of the city and what they offer, ordered by name."""
        return PartnerQuery(search=search, channel=channel)
