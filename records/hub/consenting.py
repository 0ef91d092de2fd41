"""The person behind a consent, as a partner reads them: by the consent's id, within the consent."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from records.description import DECIDES_ACCESS, DescribedEnum, Doc
from records.hub.consents import Consent
from records.hub.data_preferences import DataPreferences
from records.identifiers import Nik
from records.record import record


@record
class Consenting:
    """A person who consented to let the partner read some of their data."""

    subject: Annotated[Nik, DECIDES_ACCESS]
    """The person; not shown to partners."""
    consent: Annotated[Consent, Doc("The current consent.")]
    preferences: DataPreferences
    """All of the person's preferences that concern the calling partner."""

    @property
    def preferences_within_consent(self) -> DataPreferences:
        """The preferences limited to this consent: another consent may be wider, or for another purpose."""
        return DataPreferences(consents=(self.consent,), restrictions=self.preferences.restrictions)


class Match(DescribedEnum):
    """Whether a partner's value matches the population register."""

    MATCH = "MATCH", "The register has the same value."
    NO_MATCH = "NO_MATCH", "The register has a different value."
    UNKNOWN = "UNKNOWN", "The register has no value."


@record
class RegisterClaims:
    """A partner's claims about a person, to compare with the register; None for a claim that is not compared."""

    name: str | None = None
    birth_date: date | None = None
    birth_place: str | None = None
    mother_name: str | None = None


@record
class VerificationQuery:
    """The claims to compare, the person, and the consent under which attempts are counted."""

    subject: Nik
    consent: str
    claims: RegisterClaims


@record
class Verification:
    """Whether a partner's data about a person matches the population register.

    The register's own data is never disclosed (UU 24/2013, article 79). A value that was not given is null.
    """

    subject: Annotated[Nik, DECIDES_ACCESS]
    """The person; not shown to partners."""
    name: Annotated[Match | None, Doc("The full name, compared without case, titles and punctuation.")]
    birth_date: Annotated[Match | None, Doc("The day of birth.")]
    birth_place: Annotated[Match | None, Doc("The place of birth, compared like a name.")]
    mother_name: Annotated[Match | None, Doc("The mother's name, compared like the full name.")]
