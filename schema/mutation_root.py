"""The mutation root.

A mutation is declared like every root field: a pure function from arguments and caller to a key, and a batch that
executes the keys. Mutations of one document run serially (GraphQL specification, section 6.2.2), and values from before
a mutation are loaded again after it.
"""

from __future__ import annotations

from typing import Annotated

import strawberry

from auth.caller import Caller
from engine.errors import BadInput
from records.hub.consents import ConsentGrant, PersonalConsentKey
from records.identifiers import Nik
from records.purposes import Scope
from resolvers.hub.consents import grant_consents, refuse_consents, revoke_consents
from schema.declarations.access_directives import GUARDED_WITH_RECENT_SIGN_IN, SELF_WITH_RECENT_SIGN_IN
from schema.declarations.fields import root
from schema.types import data_request_answers, data_requests
from schema.types.consents import ConsentAnswerType, ConsentType

RequestId = Annotated[strawberry.ID, strawberry.argument(description="Id of the request, which the person has opened.")]


def _get_subject(key: ConsentGrant | PersonalConsentKey | None) -> Nik | None:
    return None if key is None else key.subject


ChildNik = Annotated[
    Nik | None, strawberry.argument(description="Your child's NIK, if it is about a child whose guardian you are.")
]


class MutationRoot:
    """The mutations of the graph."""

    @root(grant_consents, returns=ConsentAnswerType | None, rule=GUARDED_WITH_RECENT_SIGN_IN, subject=_get_subject)
    def grant_consent(
        caller: Caller,
        request: RequestId,
        scopes: Annotated[
            list[Scope] | None,
            strawberry.argument(
                description="The scopes that the person chose themselves: at least one, and only requested ones."
            ),
        ] = None,
        child: ChildNik = None,
    ) -> ConsentGrant | None:
        """Grant a partner's request, for yourself or for your child, with assurance `substantial` or higher.

        A request about a child (`isAboutChild`) needs `child`. The family card shows guardians. Assistants cannot
        consent for another person, and people under 18 cannot consent. Repeating the mutation changes nothing.
        """
        if not scopes:
            raise BadInput("Argument 'scopes' is empty. Name the granted scopes, or refuse with 'refuseConsent'.")
        if caller.nik is None:
            return None
        guardian = None if child is None else caller.nik
        return ConsentGrant(
            subject=child or caller.nik, guardian=guardian, request=str(request), scopes=frozenset(scopes)
        )

    @root(refuse_consents, returns=ConsentAnswerType | None, rule=SELF_WITH_RECENT_SIGN_IN, subject=_get_subject)
    def refuse_consent(caller: Caller, request: RequestId) -> PersonalConsentKey | None:
        """Refuse a partner's request. Repeating the mutation changes nothing."""
        return None if caller.nik is None else PersonalConsentKey(subject=caller.nik, id=str(request))

    @root(revoke_consents, returns=ConsentType | None, rule=GUARDED_WITH_RECENT_SIGN_IN, subject=_get_subject)
    def revoke_consent(
        caller: Caller,
        consent: Annotated[strawberry.ID, strawberry.argument(description="Id of the consent.")],
        child: ChildNik = None,
    ) -> PersonalConsentKey | None:
        """Revoke a consent. From the partner's next request on, it allows no read.

        Each guardian of a child can revoke a consent about it. A consent that is no longer in force does not change.
        """
        return None if caller.nik is None else PersonalConsentKey(subject=child or caller.nik, id=str(consent))

    request_correction = data_requests.request_correction
    request_erasure = data_requests.request_erasure
    request_access_copy = data_requests.request_access_copy
    object_to_decision = data_requests.object_to_decision
    restrict_processing = data_requests.restrict_processing
    end_restriction = data_requests.end_restriction
    withdraw_data_request = data_requests.withdraw_data_request
    answer_data_request = data_request_answers.answer_data_request
