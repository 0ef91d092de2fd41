"""`authorize`, the sign-in form behind it, and `end_session` of the city's OpenID provider."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sandbox.issuer_claims import ID_TYPE, LEVELS, Tokens
from sandbox.issuer_clients import CLIENTS
from sandbox.issuer_grants import Grants, SignIn
from sandbox.issuer_page import ANOTHER, message_page, sign_in_page
from sandbox.issuer_parameters import Parameters, form_of, parameters
from sandbox.issuer_people import Person, listed_people, resident
from sandbox.issuer_refusal import Misdirected, Refusal
from sandbox.issuer_request import AuthorizationRequest, authorization_request, way_back
from sandbox.issuer_seal import Seal

COOKIE = "simpul_sandbox_browser"
"""Tells one browser from another for the length of a sign-in; it signs nobody in."""


@dataclass(frozen=True, slots=True)
class SignInPages:
    """What a person meets. No session is kept: every application that asks gets a page of its own."""

    tokens: Tokens
    grants: Grants
    seal: Seal

    async def authorize(self, request: Request) -> Response:
        """Shows the sign-in page, or sends the person back with what is wrong with the request."""
        try:
            given = await form_of(request) if request.method == "POST" else parameters(request.url.query)
        except Refusal as refusal:
            return message_page("This request cannot be read", refusal.description, status=refusal.status)
        try:
            asked = authorization_request(given)
        except Misdirected as error:
            return message_page("This application cannot sign you in", str(error), status=400)
        except Refusal as refusal:
            _, redirect_uri = way_back(given)
            told = {"error": refusal.error, "error_description": refusal.description}
            return self._back(redirect_uri, given.get("state"), told)
        browser = request.cookies.get(COOKIE) or secrets.token_urlsafe(24)
        page = sign_in_page(asked, self.seal.closed(given, browser))
        page.set_cookie(COOKIE, browser, httponly=True, samesite="lax")
        return page

    async def sign_in(self, request: Request) -> Response:
        """Takes the form of the page and sends the person back with a code."""
        try:
            form = await form_of(request)
        except Refusal as refusal:
            return message_page("This form cannot be read", refusal.description, status=refusal.status)
        given = self.seal.opened(form.get("request", ""), request.cookies.get(COOKIE, ""))
        if given is None:
            text = "It is too old or belongs to another browser. Go back to the application and sign in again."
            return message_page("This form is not valid any more", text, status=400)
        asked = authorization_request(given)  # it was shown, so it can be answered
        if form.get("decision") != "allow":
            told = {"error": "access_denied", "error_description": "The person did not sign in."}
            return self._back(asked.redirect_uri, asked.state, told)
        chosen = _chosen(form, asked)
        if isinstance(chosen, str):
            return sign_in_page(asked, form["request"], wrong=chosen, chosen=form)
        sign_in = SignIn(
            sid=secrets.token_urlsafe(16),
            person=chosen,
            client_id=asked.client.id,
            scopes=asked.scopes,
            acr=form["acr"],
            at=int(self.tokens.now()),
            nonce=asked.nonce,
        )
        code = self.grants.code(sign_in, redirect_uri=asked.redirect_uri, challenge=asked.challenge)
        return self._back(asked.redirect_uri, asked.state, {"code": code})

    async def end_session(self, request: Request) -> Response:
        """Ends a sign-in that is named by its ID token (OpenID Connect RP-Initiated Logout 1.0, section 2)."""
        try:
            given = await form_of(request) if request.method == "POST" else parameters(request.url.query)
        except Refusal as refusal:
            return message_page("This request cannot be read", refusal.description, status=refusal.status)
        claims = self.tokens.keys.claims(given.get("id_token_hint", ""), typ=ID_TYPE)
        if claims is None or given.get("client_id", claims["aud"]) != claims["aud"]:
            text = "The application did not say truly which sign-in is to end (id_token_hint)."
            return message_page("You were not signed out", text, status=400)
        self.grants.end(claims["sid"])
        target = given.get("post_logout_redirect_uri")
        if target is None:
            return message_page("You are signed out", "No application can get new tokens for you by that sign-in.")
        if not CLIENTS[claims["aud"]].may_log_out_to(target):
            text = "You are signed out, but the address to go on to (post_logout_redirect_uri) is not registered."
            return message_page("You are signed out", text, status=400)
        return _to(target, {"state": given["state"]} if "state" in given else {})

    def _back(self, redirect_uri: str, state: str | None, told: Mapping[str, str]) -> Response:
        """Back to the application, which learns who answers too (RFC 9207)."""
        with_state = {} if state is None else {"state": state}
        return _to(redirect_uri, {**told, **with_state, "iss": self.tokens.issuer})


def _chosen(form: Parameters, asked: AuthorizationRequest) -> Person | str:
    """Whom the form chooses, or what is wrong with it, in words for a person."""
    if form.get("acr") not in LEVELS:
        return "Choose how surely you were identified."
    people = asked.client.people
    if form.get("person") == ANOTHER and "citizen" in people:
        found = resident(form.get("nik", ""))
        return found or "No resident of 17 years or more has this NIK. Correct it or choose somebody from the list."
    person = listed_people().get(form.get("person", ""))
    return person if person and person.kind in people else "Choose who you are."


def _to(address: str, told: Mapping[str, str]) -> Response:
    """There with the next request, a GET; registered addresses have no query of their own."""
    url = f"{address}?{urlencode(told)}" if told else address
    return RedirectResponse(url, status_code=303, headers={"Cache-Control": "no-store"})
