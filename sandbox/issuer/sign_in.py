"""`authorize`, the sign-in form behind it, and `end_session` of the city's OpenID provider."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sandbox.issuer.authorization_request import AuthorizationRequest, find_redirect, parse_authorization_request
from sandbox.issuer.clients import CLIENTS
from sandbox.issuer.form_seal import FormSeal
from sandbox.issuer.grants import Grants, ProviderSignIn
from sandbox.issuer.oauth_errors import OAuthError, UnregisteredRedirect
from sandbox.issuer.parameters import Parameters, parse_parameters, read_form
from sandbox.issuer.people import SignInPerson, find_resident, list_people
from sandbox.issuer.sign_in_page import OTHER_PERSON, render_message_page, render_sign_in_page
from sandbox.issuer.tokens import ACR_LEVELS, ID_TYPE, ProviderTokens

COOKIE = "simpul_sandbox_browser"
"""Identifies one browser during a sign-in; it does not sign a person in."""


@dataclass(frozen=True, slots=True)
class ProviderPages:
    """The pages for people. No session is stored: each application gets its own sign-in page."""

    tokens: ProviderTokens
    grants: Grants
    seal: FormSeal

    async def authorize(self, request: Request) -> Response:
        """Show the sign-in page, or redirect with the error of the request."""
        try:
            values = await read_form(request) if request.method == "POST" else parse_parameters(request.url.query)
        except OAuthError as refusal:
            return render_message_page("This request cannot be read", refusal.description, status=refusal.status)
        try:
            authorization = parse_authorization_request(values)
        except UnregisteredRedirect as error:
            return render_message_page("This application cannot sign you in", str(error), status=400)
        except OAuthError as refusal:
            _, redirect_uri = find_redirect(values)
            outcome = {"error": refusal.error, "error_description": refusal.description}
            return self._redirect_back(redirect_uri, values.get("state"), outcome)
        browser = request.cookies.get(COOKIE) or secrets.token_urlsafe(24)
        page = render_sign_in_page(authorization, self.seal.seal(values, browser))
        page.set_cookie(COOKIE, browser, httponly=True, samesite="lax")
        return page

    async def sign_in(self, request: Request) -> Response:
        """Process the form and redirect the person with a code."""
        try:
            form = await read_form(request)
        except OAuthError as refusal:
            return render_message_page("This form cannot be read", refusal.description, status=refusal.status)
        values = self.seal.unseal(form.get("request", ""), request.cookies.get(COOKIE, ""))
        if values is None:
            text = "It is too old or belongs to another browser. Go back to the application and sign in again."
            return render_message_page("This form is not valid any more", text, status=400)
        authorization = parse_authorization_request(values)  # valid, because the page was shown for it
        if form.get("decision") != "allow":
            outcome = {"error": "access_denied", "error_description": "The person did not sign in."}
            return self._redirect_back(authorization.redirect_uri, authorization.state, outcome)
        chosen = _parse_choice(form, authorization)
        if isinstance(chosen, str):
            return render_sign_in_page(authorization, form["request"], wrong=chosen, chosen=form)
        sign_in = ProviderSignIn(
            sid=secrets.token_urlsafe(16),
            person=chosen,
            client_id=authorization.client.id,
            scopes=authorization.scopes,
            acr=form["acr"],
            signed_in_at=int(self.tokens.now()),
            nonce=authorization.nonce,
        )
        code = self.grants.issue_code(
            sign_in, redirect_uri=authorization.redirect_uri, challenge=authorization.challenge
        )
        return self._redirect_back(authorization.redirect_uri, authorization.state, {"code": code})

    async def end_session(self, request: Request) -> Response:
        """End the sign-in that the ID token names (OpenID Connect RP-Initiated Logout 1.0, section 2)."""
        try:
            values = await read_form(request) if request.method == "POST" else parse_parameters(request.url.query)
        except OAuthError as refusal:
            return render_message_page("This request cannot be read", refusal.description, status=refusal.status)
        claims = self.tokens.keys.read_claims(values.get("id_token_hint", ""), typ=ID_TYPE)
        if claims is None or values.get("client_id", claims["aud"]) != claims["aud"]:
            text = "The application named no valid sign-in to end (id_token_hint)."
            return render_message_page("You were not signed out", text, status=400)
        self.grants.end_sign_in(claims["sid"])
        target = values.get("post_logout_redirect_uri")
        if target is None:
            return render_message_page(
                "You are signed out", "No application can get new tokens for you with that sign-in."
            )
        if not CLIENTS[claims["aud"]].may_log_out_to(target):
            text = (
                "You are signed out, but the application's return address (post_logout_redirect_uri) is not registered."
            )
            return render_message_page("You are signed out", text, status=400)
        return _redirect(target, {"state": values["state"]} if "state" in values else {})

    def _redirect_back(self, redirect_uri: str, state: str | None, outcome: Mapping[str, str]) -> Response:
        """Redirect to the application, with the issuer in the answer (RFC 9207)."""
        with_state = {} if state is None else {"state": state}
        return _redirect(redirect_uri, {**outcome, **with_state, "iss": self.tokens.issuer})


def _parse_choice(form: Parameters, authorization: AuthorizationRequest) -> SignInPerson | str:
    """The chosen person, or the error in the form, as a text for people."""
    if form.get("acr") not in ACR_LEVELS:
        return "Choose how you were identified."
    people = authorization.client.person_kinds
    if form.get("person") == OTHER_PERSON and "citizen" in people:
        found = find_resident(form.get("nik", ""))
        return found or "No resident of 17 years or more has this NIK. Correct it or choose a person from the list."
    person = list_people().get(form.get("person", ""))
    return person if person and person.kind in people else "Choose who you are."


def _redirect(address: str, outcome: Mapping[str, str]) -> Response:
    """Redirect with a GET; registered addresses have no query."""
    url = f"{address}?{urlencode(outcome)}" if outcome else address
    return RedirectResponse(url, status_code=303, headers={"Cache-Control": "no-store"})
