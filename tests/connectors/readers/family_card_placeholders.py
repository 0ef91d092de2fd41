"""Placeholders and typing errors that registers hold instead of a family card number."""

from __future__ import annotations

from typing import Final

PLACEHOLDERS: Final = (
    "0000000000000000",
    "9999999999999999",
    "1111111111111111",
    "1212121212120000",
    "1234567890123456",
    "0123456789012345",
    "----------------",
    "TIDAK DIKETAHUI.",
    "TIDAK ADA KK   .",
    "XXXXXXXXXXXXXXXX",
    "3171O10203149001",  # the letter O
    "３１７１０１０２０３１４９００１",  # noqa: RUF001 - full-width digits, as some systems write
    "31710102031490²1",
    "٣١٧١٠١٠٢٠٣١٤٩٠٠١",
    " 3171010203149001",
    "3171010203149001 ",
    "3171010203149001\n",
    "3171010203149001\N{NO-BREAK SPACE}",
    "3171010203149001\0",
    "3171 0102 0314 9001",
    "3171-0102-0314-90",
    "31.71.01.020314.9001",
    "317101020314900",
    "31710102031490010",
    "                ",
)
