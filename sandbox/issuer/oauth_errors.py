"""How the OpenID provider refuses: the errors of OAuth 2.0 (RFC 6749, sections 4.1.2.1 and 5.2)."""


class OAuthError(Exception):
    """A request is refused; `error` is the protocol's code, the text is for the developer of the application."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


class UnregisteredRedirect(Exception):  # noqa: N818 - as above
    """A request whose application or way back is unknown: nobody may be sent anywhere, a person is told here."""
