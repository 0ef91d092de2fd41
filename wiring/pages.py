"""The hub's own pages for people, and how people sign in to them."""

from __future__ import annotations

from dataclasses import dataclass

from auth.oidc.page_session import SessionCookies, SessionLimits, SessionStore
from auth.oidc.sign_in import SignInClient, SignInFlow, SignInIssuer
from connectors.issuer_http import IssuerDocuments, TokenEndpoint
from schema.tools.document_fields import GraphDocuments
from schema.tools.holdings import get_holders
from settings import Settings
from web.pages.cases.case_pages import CasePages
from web.pages.complaints.follow_up_pages import FollowUpPages
from web.pages.complaints.new_complaint_page import QUESTIONS_QUERY, NewComplaintPage
from web.pages.complaints.places import Places
from web.pages.consent_pages import ConsentPages
from web.pages.home_page import HomePage
from web.pages.internal_client import InternalClient
from web.pages.my_data.data_request_pages import DataRequestPages
from web.pages.my_data.export_page import ExportPage, ExportResponses
from web.pages.my_data.overview_page import MY_DATA_QUERY, MyDataPage
from web.pages.my_data.reads_page import ReadsPage
from web.pages.page_renderer import PageRenderer
from web.pages.page_session import PageSessions
from web.pages.page_uploads import PageUploads
from web.pages.personal_pages import PersonalPageRules, PersonalPages
from web.pages.personal_routes import PersonalRoutes
from web.pages.sign_in_pages import CALLBACK_PATH, SIGNED_OUT_PATH, HubSignInPages
from web.rate_limits.failed_tokens import FailedTokenCounter
from wiring.callers import CallerParts
from wiring.token_issuers import get_document_timeout

SUBMIT_COMPLAINT = "submitComplaint"
"""The mutation that the pages of complaints need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSignIn:
    """How people sign in to the hub's own pages."""

    flow: SignInFlow
    sessions: SessionStore
    failed_codes: FailedTokenCounter


def build_sign_in(settings: Settings, callers: CallerParts, sessions: SessionStore | None) -> PageSignIn | None:
    """Build the sign-in of the hub's own pages; None without an issuer or a store of sessions. Opens nothing."""
    keys = next((each for each in callers.issuers if each.issuer.name == settings.sign_in_issuer), None)
    if keys is None or settings.sign_in_client is None or sessions is None:
        return None
    secret, seconds = settings.sign_in_secret, get_document_timeout(settings)
    flow = SignInFlow(
        SignInIssuer(
            keys=keys,
            documents=IssuerDocuments(keys.issuer.name, timeout=seconds),
            token_client=TokenEndpoint(keys.issuer.name, timeout=seconds),
        ),
        SignInClient(
            id=settings.sign_in_client,
            secret=None if secret is None else secret.get_secret_value(),
            redirect_uri=f"{settings.base_url}{CALLBACK_PATH}",
            signed_out_uri=f"{settings.base_url}{SIGNED_OUT_PATH}",
            scopes=settings.sign_in_scopes,
        ),
        secret=settings.secret_bytes,
        token_verifier=callers.tokens,
        lifetime=settings.session_lifetime,
    )
    return PageSignIn(flow=flow, sessions=sessions, failed_codes=callers.rate_limits.failed_tokens)


def build_page_sessions(settings: Settings, sign_in: PageSignIn) -> PageSessions:
    """Build the sessions of the hub's own pages."""
    limits = SessionLimits(idle=settings.session_idle, lifetime=settings.session_lifetime)
    cookies = SessionCookies(settings.secret_bytes, limits)
    return PageSessions(cookies, sign_in.sessions, public_url=settings.base_url)


def build_pages(
    settings: Settings,
    sign_in: PageSignIn | None,
    *,
    client: InternalClient,
    documents: GraphDocuments,
    pages: PageRenderer,
    exports: ExportResponses | None,
) -> PersonalPages | HomePage:
    """Build the hub's own pages: only the home page if people cannot sign in."""
    if sign_in is None:
        return HomePage(pages)
    sessions = build_page_sessions(settings, sign_in)
    return PersonalPages(
        sign_in=HubSignInPages(sign_in.flow, sessions, pages, failed_codes=sign_in.failed_codes),
        consents=ConsentPages(client, sessions, pages, documents),
        more=[
            *MyDataPage(client, pages, documents.fit(MY_DATA_QUERY)).routes(),
            *ReadsPage(client, pages).routes(),
            *DataRequestPages(client, pages, get_holders(documents.schema)).routes(),
            *CasePages(client, pages, documents).routes(),
            *(() if exports is None else ExportPage(exports, pages).routes()),
            *_build_complaint_pages(client, pages, documents, settings.city.city.region),
        ],
        sessions=sessions,
        pages=pages,
        rules=PersonalPageRules(
            max_sign_in_age=settings.recent_sign_in,
            with_messages=settings.development,
            uploads=PageUploads(settings.web),
        ),
    )


def _build_complaint_pages(
    client: InternalClient, pages: PageRenderer, documents: GraphDocuments, city: str
) -> PersonalRoutes:
    """The pages of complaints; none in a city whose agencies take no complaints."""
    if not documents.has_mutation(SUBMIT_COMPLAINT):
        return ()
    new = NewComplaintPage(client, pages, Places(client, city), documents.fit(QUESTIONS_QUERY))
    return [*new.routes(), *FollowUpPages(client, pages, documents).routes()]
