"""HTTP answers as they come from servers that are right, careless or hostile."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.probes.http_message import LARGEST_BODY_BYTES, NotHttp, read_message


def coming(*parts: bytes) -> Callable[[], bytes]:
    """A connection that gives these parts, then its end."""
    left = [part for part in parts if part]
    return lambda: left.pop(0) if left else b""


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (HEAD + b"Content-Length: 5\r\n\r\nhello", 200, b"hello"),
        (HEAD + b"Content-Length: 5\r\n\r\nhello and more", 200, b"hello"),
        (HEAD + b"\r\nuntil the end", 200, b"until the end"),
        (b"HTTP/1.0 503 Service Unavailable\r\n\r\n", 503, b""),
        (b"HTTP/1.1 204\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, b"x"),
        (
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n",
            200,
            b"hello world",
        ),
        (HEAD + b"no colon here\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
    ],
)
def test_an_answer_is_read_however_it_is_cut(answer: bytes, status: int, body: bytes) -> None:
    for size in (1, 3, 7, len(answer)):
        parts = [answer[at : at + size] for at in range(0, len(answer), size)]
        message = read_message(coming(*parts), "GET")
        assert (message.status, message.body) == (status, body)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "without an answer"),
        (b"HTTP/1.1 200 OK\r\nConte", "within the head"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "it answers 'SSH-2.0-OpenSSH'"),
        (b"HTTP/1.1 OK\r\n\r\n", "it answers"),
        (b"HTTP/2 200\r\n\r\n", "it answers"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "it answers"),
        (HEAD + b"Content-Length: 9\r\n\r\nhello", "breaks off"),
        (HEAD + b"Content-Length: -1\r\n\r\n", "the length '-1'"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "a chunk"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n", "a chunk"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "breaks off"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20_000, "has no end"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 20, "interim"),
    ],
)
def test_what_is_no_answer_is_said(answer: bytes, said: str) -> None:
    with pytest.raises(NotHttp, match=said):
        read_message(coming(answer), "GET")


def test_a_body_without_end_is_read_only_so_far() -> None:
    endless = coming(HEAD, b"\r\n", *[b"x" * 65_536] * 64)
    assert len(read_message(endless, "GET").body) == LARGEST_BODY_BYTES
    announced = coming(HEAD + b"Content-Length: 99999999999\r\n\r\n", *[b"x" * 65_536] * 64)
    assert len(read_message(announced, "GET").body) == LARGEST_BODY_BYTES
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    chunked = coming(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 64)
    assert len(read_message(chunked, "GET").body) == LARGEST_BODY_BYTES


def test_headers_may_be_repeated_and_the_first_of_a_name_counts() -> None:
    message = read_message(coming(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSET-COOKIE: b=2\r\n\r\n"), "GET")
    assert message.headers == (("set-cookie", "a=1"), ("set-cookie", "b=2"))
    assert message.header("set-cookie") == "a=1"


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8))
def test_anything_is_an_answer_or_is_said_to_be_none(parts: list[bytes]) -> None:
    for start in (b"", HEAD, HEAD + b"Transfer-Encoding: chunked\r\n\r\n"):
        with contextlib.suppress(NotHttp):
            assert 200 <= read_message(coming(start, *parts), "GET").status <= 999
