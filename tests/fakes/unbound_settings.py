"""Settings of production for tests whose issuers are bound to nothing: any of them may play any caller."""

from collections.abc import Iterator

from settings import Settings


class UnboundSettings(Settings):
    """As the hub's own, but for what it asks of issuers outside development.

    `tests/settings/test_settings.py` tries that.
    """

    def _find_development_issuer(self) -> Iterator[str]:
        return iter(())

    def _find_unbound_issuers(self) -> Iterator[str]:
        return iter(())
