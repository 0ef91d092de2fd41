"""Texts as the original in JavaScript compresses them."""

from __future__ import annotations

from typing import Final

# node -e 'console.log(require("lz-string").compressToEncodedURIComponent(TEXT))' with npm's lz-string 1.5.0
PERSON: Final = '{"peserta":{"nik":"3171014506909001","nama":"SITI RAHMAWATI"}}'
VECTORS: Final = {
    "": "Q",
    "a": "IZA",
    "a" * 30: "IY18ZJA",
    "ab" * 40: "IYI17SOrZ+6IcxQ",
    PERSON: "N4IgDgpgzhBOAuBDEAuUA7Alga1SAzAIwDshADIQCwCsZAbAJxlMUgA0I6iAtsiiAGUAkgBUhAAgBKAQQASAWWkB1aWJABfdUA",
    "é€😀 ÿĀ ok": "JeGoJLwbgAewBA-4AIBQPYGsg",
}
