"""Hostile values, which a vulnerable parser would execute or misread."""

from __future__ import annotations

TEXTS = (
    "'", '"', "\\", "`", ";", "--", "' OR '1'='1", "' OR 1=1 --", "') OR ('1'='1", "'; DROP TABLE umkm; --",
    "' UNION SELECT nik, nama_lgkp, NULL FROM biodata_wni --", "1; SELECT pg_sleep(30)", "' AND SLEEP(30) AND '1'='1",
    "1) OR SLEEP(30)#", "%' OR nik LIKE '%", "%", "_", "{1,2}",
    "ANY(ARRAY['3171014506909001'])", ":keys", ":niks", "$1",
    "%s", "%(niks)s", "?", "/* x */", "\\'; --",
    "</nik><nik>3171014506909001</nik><nik>", "<!--", "-->", "]]>", "<![CDATA[x]]>", "&amp;", "&lt;", "&#0;", "&#x26;",
    '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', "&b;", "<?xml version='1.0'?>",
    "../../../etc/passwd", "..%2f..%2f", "..\\..\\", "/", "//evil.example/", "?page=1", "&page_size=1&extensions=false",
    "#", "%00", "%0d%0aX-Evil: 1", "%2527", ";a=b", "http://127.0.0.1:9/", "@127.0.0.1", "\r\nX-Evil: 1\r\n\r\n",
    "\r\n\r\nGET / HTTP/1.1\r\nHost: evil\r\n\r\n", "\n", "\t", "\x00", "3171014506909001\x00", "\x1b[31m", "\x7f",
    *("".join(chr(zero + int(digit)) for digit in "3171014506909001") for zero in (0xFF10, 0x0660)),
    "3171014506909001 ", " 3171014506909001", "3171014506909001\n",
    "3171014506909001,3174055203559003", "3171014506909001' --", "+3171014506909001", "3.171014506909001e15",
    "31.71' OR '1'='1", "31.71%", "2026-11-23T08:00:00+07:00' --", "2026-11-23T08:00:00+07:00&status=open",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-02-30T00:00:00Z", "2026-11-23T08:00:00+99:99",
    "\u202e\u2066", "\u200b", "\ufeff", "\ufffe\uffff", "\u1e9e", "\u0131", "\u0130", "\u212a",
    "e\u0301" * 500, "😀" * 300, "\U0010ffff",
    "a" * 100_000, "'" * 20_000, "%" * 20_000, "(" * 20_000,
    "{{7*7}}", "${jndi:ldap://127.0.0.1:9/a}", "$(sleep 30)", "`sleep 30`", "| sleep 30", "{0.__class__}", "__proto__",
    "<script>alert(1)</script>", "javascript:alert(1)", '{"$ne": null}', "null", "true", "NaN", "undefined", "[]", "{}",
)  # fmt: skip
OTHERS: tuple[object, ...] = (
    0, -1, 1, 101, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**53, 2**63, 2**64, 10**18, -(10**18), 1.5,
    -0.0, 1e308, 5e-324,
    True, False, None, [], {}, [[]], [None], {"$gt": ""}, ["x", ["y"]], {"length": 1},
)  # fmt: skip
