"""The errors of the OpenID provider, as in OAuth 2.0 (RFC 6749, sections 4.1.2.1 and 5.2)."""


class OAuthError(Exception):
    """A refused request; `error` is the protocol's code, the text is for the application's developer."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


class UnregisteredRedirect(Exception):  # noqa: N818 - as above
    """The application or its redirect address is unknown, so the error is shown to the person without a redirect."""
