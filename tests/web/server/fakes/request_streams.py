"""Random streams of bytes that a client might send: usual requests, many of them repeated, and hostile ones."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

BODIES = (b"", b"{}", b'{"query":"{ a }"}', b"x\r\n\r\ny", b"z" * 300)
TARGETS = (b"/", b"/a?b=c", b"/wait", b"/caf%C3%A9", b"//x", b"http://localhost/a")
OTHER_LINES = (
    b"Expect: 100-continue", b"Connection: close", b"Connection: keep-alive", b"X-Secret: 1", b"Upgrade: h2c",
    b"Connection: Upgrade\r\nUpgrade: h2c", b"Content-Length: 2", b"X-Long: " + b"x" * 2048, b"X-Long: " + b"x" * 9000,
    b"Transfer-Encoding: identity", b"Accept: */*", b"content-type:application/json", b"X: a\r\n b", b": x",
)  # fmt: skip
GARBAGE = (
    b"}", b"\r\n", b"\r", b"\n", b"\r\n\r\n", b"\x00", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01", b"GET / HT",
    b"POST /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"X" * 9000, b"\r\n" * 5000,
)  # fmt: skip


def build_request(random: Random) -> bytes:
    """A correct request, often one of a few."""
    method = random.choice([b"POST", b"POST", b"POST", b"GET", b"PUT", b"HEAD"])
    body = random.choice(BODIES)
    lines = [b"%b %b HTTP/1.1" % (method, random.choice(TARGETS[: random.choice([3, 6])])), b"Host: localhost"]
    if random.random() < 0.05:
        chunks = [b"%x\r\n%b" % (len(body), body)] if body else []
        trailers = [b"X-Trailer: 1"] if random.random() < 0.5 else []
        return b"\r\n".join([*lines, b"Transfer-Encoding: chunked", b"", *chunks, b"0", *trailers, b"", b""])
    if body or method == b"POST":
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])


def add_line(request: bytes, random: Random) -> bytes:
    """Another header, at the end of the head."""
    return request.replace(b"\r\n\r\n", b"\r\n%b\r\n\r\n" % random.choice(OTHER_LINES), 1)


def change_body(request: bytes, random: Random) -> bytes:
    """A body that is longer or shorter than announced."""
    return request[: -random.randint(1, 3)] if random.random() < 0.5 else request + b"x" * random.randint(1, 3)


def change_bytes(request: bytes, random: Random) -> bytes:
    """A byte more, less, or another one."""
    place, byte = random.randrange(len(request)), bytes([random.choice(b"\r\n :\x00\xffaG1")])
    return request[:place] + random.choice([b"", byte]) + request[place + random.choice([0, 1]) :]


def change_version(request: bytes, _: Random) -> bytes:
    """A client of HTTP/1.0."""
    return request.replace(b"HTTP/1.1", b"HTTP/1.0", 1)


def add_garbage(request: bytes, random: Random) -> bytes:
    """Something before or after a request."""
    garbage = random.choice(GARBAGE)
    return random.choice([request + garbage, garbage + request])


CHANGES: tuple[Callable[[bytes, Random], bytes], ...] = (
    add_line, add_line, change_body, change_bytes, change_version, add_garbage,
)  # fmt: skip


def build_reads(random: Random) -> list[bytes]:
    """What a server reads: mostly whole requests, some of them changed, joined or split."""
    is_hostile = random.random() < 0.6
    requests = [build_request(random) for _ in range(random.randint(1, 6))]
    reads: list[bytes] = []
    for each in requests:
        request = random.choice(CHANGES)(each, random) if is_hostile and random.random() < 0.3 else each
        if reads and random.random() < 0.15:
            reads[-1] += request
        elif random.random() < 0.15:
            place = random.randrange(len(request) + 1)
            reads += [request[:place], request[place:]]
        else:
            reads.append(request)
    return [each for each in reads if each]
