"""The root of changes: what callers may ask the hub to do.

A change is declared like every root field: a pure function from arguments and caller to a key, and a batch that does
what the keys say. Changes of one document run one after another (GraphQL specification, section 6.2.2), and what was
read before one is read again after it.
"""

from __future__ import annotations

from typing import Annotated

import strawberry

from auth.caller import Caller
from engine.errors import BadInput
from records.consents import Granting, OfPerson
from records.identifiers import Nik
from records.purposes import Scope
from resolvers.consents import granted, refused, revoked
from schema import answering_requests, data_requests
from schema.access import BY_THE_PERSON
from schema.consents import ConsentAnswerType, ConsentType
from schema.fields import root

RequestId = Annotated[strawberry.ID, strawberry.argument(description="The request, which the person has opened.")]


def _whose(key: Granting | OfPerson | None) -> Nik | None:
    return None if key is None else key.subject


class ChangeRoot:
    """What callers may change."""

    @root(granted, answers=ConsentAnswerType | None, rule=BY_THE_PERSON, subject=_whose)
    def grant_consent(
        caller: Caller,
        request: RequestId,
        scopes: Annotated[
            list[Scope] | None,
            strawberry.argument(
                description="What the person grants: each scope that they chose themselves, at least one, none that"
                " was not asked for."
            ),
        ] = None,
    ) -> Granting | None:
        """Say yes to a partner's request, for oneself alone, with assurance `substantial` or higher.

        Nobody can consent for somebody else: no assistant and no guardian; nor anybody under 18 alone. To say the same
        again changes nothing.
        """
        if not scopes:
            raise BadInput("Argument 'scopes' names none. Name what is granted, or refuse with 'refuseConsent'.")
        if caller.nik is None:
            return None
        return Granting(subject=caller.nik, request=str(request), scopes=frozenset(scopes))

    @root(refused, answers=ConsentAnswerType | None, rule=BY_THE_PERSON, subject=_whose)
    def refuse_consent(caller: Caller, request: RequestId) -> OfPerson | None:
        """Say no to a partner's request. To say it again changes nothing."""
        return None if caller.nik is None else OfPerson(subject=caller.nik, id=str(request))

    @root(revoked, answers=ConsentType | None, rule=BY_THE_PERSON, subject=_whose)
    def revoke_consent(
        caller: Caller,
        consent: Annotated[strawberry.ID, strawberry.argument(description="A consent of one's own.")],
    ) -> OfPerson | None:
        """Take a consent back: partners read nothing on its strength from their next request on.

        A consent that is no longer in force stays as it is.
        """
        return None if caller.nik is None else OfPerson(subject=caller.nik, id=str(consent))

    request_correction = data_requests.request_correction
    request_erasure = data_requests.request_erasure
    request_access_copy = data_requests.request_access_copy
    object_to_decision = data_requests.object_to_decision
    restrict_processing = data_requests.restrict_processing
    end_restriction = data_requests.end_restriction
    withdraw_data_request = data_requests.withdraw_data_request
    answer_data_request = answering_requests.answer_data_request
