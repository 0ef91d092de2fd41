"""Checks of what is claimed about a person, by a service that says only whether values match."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from records.description import DECIDES_ACCESS, Doc
from records.hub.consenting import Match
from records.identifiers import Nik
from records.record import record


@record
class IdentityClaims:
    """Claims about a person; None for a claim that is not checked. Texts are in upper case, with single blanks."""

    nik: Nik
    name: str | None = None
    birth_date: date | None = None
    birth_place: str | None = None
    mother_name: str | None = None


@record
class IdentityMatches:
    """What the service says about claims; None for a value that it does not compare."""

    name: Annotated[Match | None, Doc("The full name.")]
    birth_date: Annotated[Match | None, Doc("The day of birth.")]
    birth_place: Annotated[Match | None, Doc("The place of birth.")]
    mother_name: Annotated[Match | None, Doc("The mother's full name.")]

    @property
    def is_positive(self) -> bool:
        """Whether no claim differs."""
        return Match.NO_MATCH not in {self.name, self.birth_date, self.birth_place, self.mother_name}


@record
class IdentityQuery:
    """Claims to check, and the consent under which a partner's attempts are counted."""

    claims: IdentityClaims
    consent: str | None = None


@record
class IdentityCheck:
    """Whether claims about a person match the national population register.

    The register's own data is never disclosed (UU 24/2013, article 79). A value that was not given is null.
    """

    subject: Annotated[Nik, DECIDES_ACCESS]
    """The person; not shown."""
    nik: Annotated[Match, Doc("Whether the number belongs to a living person.")]
    name: Annotated[Match | None, Doc("The full name. The service accepts small differences.")]
    birth_date: Annotated[Match | None, Doc("The day of birth.")]
    birth_place: Annotated[Match | None, Doc("The place of birth.")]
    mother_name: Annotated[Match | None, Doc("The mother's full name.")]
