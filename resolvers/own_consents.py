"""What people consent to, out of the hub's own tables: asked and answered by NIK."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from auth.caller import Caller
from auth.sealed_people import SealedPeople
from engine.errors import BadInput
from records.answers import Answers
from records.asked_consents import AskedConsent, Evidence
from records.call import Call
from records.clients import ClientId
from records.consenting import Consenting
from records.consents import (
    Consent,
    ConsentAnswer,
    ConsentPage,
    ConsentQuery,
    ConsentRequest,
    Granting,
    OfPerson,
)
from records.identifiers import Nik
from resolvers.consent_text import VERSION, consent_texts, text_hash
from resolvers.consents import AlreadyAnswered, ConsentsUnknown, UnknownConsent
from resolvers.purges import Purging
from store.consent_requests import AnsweredOtherwise, ConsentRequestTable, NoSuchRequest, NotAskedFor, Opened
from store.consents import ConsentTable
from store.unavailable import StateUnavailable
from store.verification_tries import VerificationTries
from store.wishes import Sealed, WishTable

_log = logging.getLogger("simpul.consents")
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_NO_REQUEST = "No request of that id waits for your answer. It may be answered, over, or somebody else's."
_NO_CONSENT = "You gave no consent of that id."


class OwnConsents:
    """The hub's tables, which know sealed people only."""

    def __init__(
        self,
        *,
        requests: ConsentRequestTable,
        consents: ConsentTable,
        wishes: WishTable,
        tries: VerificationTries,
        people: SealedPeople,
        purging: Purging,
    ) -> None:
        """Take the tables, who seals people, and who forgets what was kept under a consent."""
        self._requests = requests
        self._consents = consents
        self._wishes = wishes
        self._tries = tries
        self._people = people
        self._purging = purging

    async def consent_pages(
        self,
        queries: Sequence[ConsentQuery],
        call: Call,  # noqa: ARG002 - the hub's own database, not an agency
    ) -> Answers[ConsentQuery, ConsentPage]:
        """Pages of people's consents."""
        async with _answering():
            return {
                query: await self._consents.page(self._sealed(query.subject), query.first, query.after)
                for query in queries  # of one person, who is the only one that may read them
            }

    async def opened(self, wanted: Sequence[OfPerson], call: Call) -> Answers[OfPerson, ConsentRequest]:
        """Requests that wait for an answer; each is bound to the person who opens it first."""
        ids: dict[Nik, list[str]] = {}
        for each in wanted:
            if is_id(each.id):
                ids.setdefault(each.subject, []).append(each.id)
        found: dict[OfPerson, ConsentRequest] = {}
        async with _answering():
            for nik, own in ids.items():
                for opened in await self._requests.open(self._sealed(nik), own, request_id=call.request_id):
                    found[OfPerson(subject=nik, id=opened.request.id)] = _request(nik, opened)
        return found

    async def consenting(
        self,
        consents: Sequence[str],
        client: ClientId,
        call: Call,  # noqa: ARG002 - the hub's own database, not an agency
    ) -> Answers[str, Consenting]:
        """Who consented, by the ids of this client's consents, as far as they are in force."""
        asked = [each for each in consents if is_id(each)]
        async with _answering():
            return await self._wishes.consenting(asked, client, self._people.open) if asked else {}

    async def count_tries(
        self,
        tries: Mapping[str, int],
        call: Call,  # noqa: ARG002 - the hub's own database, not an agency
    ) -> Collection[str]:
        """Count how often is compared under each consent today; those under which that may still be done."""
        async with _answering():
            return await self._tries.count(tries)

    async def grant(self, granting: Granting, caller: Caller, call: Call) -> ConsentAnswer:
        """Say yes; raises `UnknownConsent`, `AlreadyAnswered`, and `BadInput` for scopes that nobody asked for."""

        def evidence(asked: AskedConsent) -> Evidence:
            texts = consent_texts(
                granting.subject,
                partner=asked.partner,
                scopes=asked.scopes,
                purpose=asked.purpose,
                lasts=timedelta(days=asked.days),
                ticked=granting.scopes,
            )
            return Evidence(
                assurance=caller.assurance.name.lower(),
                version=VERSION,
                hash=text_hash(texts),
                texts={each.language.value: each.text for each in texts},
                request_id=call.request_id,
            )

        async with _answering(_NO_REQUEST):
            _known(granting.request, _NO_REQUEST)
            asked, consent = await self._requests.grant(
                self._sealed(granting.subject), granting.request, granting.scopes, evidence
            )
        answer = [("consent", consent.id)]
        return ConsentAnswer(subject=granting.subject, consent=consent, return_to=_return_to(asked, answer))

    async def refuse(
        self,
        request: OfPerson,
        caller: Caller,  # noqa: ARG002 - anybody may say no
        call: Call,
    ) -> ConsentAnswer:
        """Say no; raises `UnknownConsent` and `AlreadyAnswered`."""
        async with _answering(_NO_REQUEST):
            _known(request.id, _NO_REQUEST)
            asked = await self._requests.refuse(self._sealed(request.subject), request.id, request_id=call.request_id)
        answer = [("error", "access_denied")]
        return ConsentAnswer(subject=request.subject, consent=None, return_to=_return_to(asked, answer))

    async def revoke(
        self,
        consent: OfPerson,
        caller: Caller,  # noqa: ARG002 - whoever could give it may take it back
        call: Call,
    ) -> Consent:
        """Take a consent back; raises `UnknownConsent`."""
        async with _answering():
            _known(consent.id, _NO_CONSENT)
            found = await self._consents.revoke(self._sealed(consent.subject), consent.id, request_id=call.request_id)
        if found is None:
            raise UnknownConsent(_NO_CONSENT)
        ended, now = found
        if now:
            await self._purging.purge(ended)
        return ended

    def _sealed(self, nik: Nik) -> Sealed:
        return Sealed(nik, self._people.seal(nik))


def is_id(text: str) -> bool:
    """Whether it can be an id of a request or a consent; what cannot is as unknown as one that nobody made."""
    return _ID.fullmatch(text) is not None


def _known(id_: str, otherwise: str) -> None:
    if not is_id(id_):
        raise UnknownConsent(otherwise)


@asynccontextmanager
async def _answering(unknown: str = _NO_REQUEST) -> AsyncIterator[None]:
    """What the tables say, in words for whoever asks."""
    try:
        yield
    except StateUnavailable as failure:
        _log.error("Consents cannot be read or changed: %s", failure)
        raise ConsentsUnknown from None
    except NoSuchRequest:
        raise UnknownConsent(unknown) from None
    except AnsweredOtherwise:
        raise AlreadyAnswered from None
    except NotAskedFor:
        raise BadInput("Argument 'scopes' holds what was not asked for. Grant what the request names.") from None


def _request(nik: Nik, opened: Opened) -> ConsentRequest:
    asked, lasts = opened.request, timedelta(days=opened.request.days)
    return ConsentRequest(
        subject=nik,
        id=asked.id,
        client=asked.client,
        partner=asked.partner,
        purpose=asked.purpose,
        scopes=asked.scopes,
        asked_at=asked.asked_at,
        answer_by=asked.answer_by,
        would_expire_at=datetime.now(UTC) + lasts,
        lasts=lasts,
        reads=opened.reads,
    )


def _return_to(asked: AskedConsent, answer: Iterable[tuple[str, str]]) -> str:
    """The partner's address with the answer, and with what the partner wants back (RFC 6749, section 4.1.2)."""
    told = [*answer, *([("state", asked.state)] if asked.state is not None else [])]
    joint = "&" if "?" in asked.redirect_uri else "?"
    return f"{asked.redirect_uri}{joint}{urlencode(told)}"
