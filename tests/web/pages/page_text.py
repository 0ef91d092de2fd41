"""The text of a page, as a person reads it."""

from __future__ import annotations

import re
from html import unescape

from tests.fakes.issuers.loopback_sign_in import BrowserResponse


def read_words(page: BrowserResponse) -> str:
    """The text of a page without markup."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page.text)).split())
