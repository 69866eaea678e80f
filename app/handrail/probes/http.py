"""HTTP as an outsider sees it: one request, one new connection, no redirects followed.

A kept connection is pinned to one of several instances, so each request here opens its own.
"""

from __future__ import annotations

import time

import httpx

from handrail.probes.exchange import Answer, NoAnswer, Request

LARGEST_BODY_BYTES = 2 * 1024 * 1024


def send(request: Request) -> Answer:
    """Send one request. Raises `NoAnswer`, which says whether the request may have arrived."""
    shown = request.shown or request.url
    started = time.monotonic()
    try:
        with (
            httpx.Client(
                timeout=request.timeout, follow_redirects=False, trust_env=request.by_proxy
            ) as client,
            client.stream(
                request.method,
                request.url,
                headers={"connection": "close", **request.headers},
                data=dict(request.form) if request.form is not None else None,
                json=request.json,
            ) as response,
        ):
            body = b""
            for part in response.iter_bytes():
                body += part
                if len(body) > LARGEST_BODY_BYTES:
                    break
            return Answer(
                status=response.status_code,
                body=body[:LARGEST_BODY_BYTES].decode(response.encoding or "utf-8", "replace"),
                headers={name.lower(): value for name, value in response.headers.items()},
                cookies=dict(_cookie(line) for line in response.headers.get_list("set-cookie")),
                seconds=time.monotonic() - started,
            )
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise NoAnswer(f"{shown} is no address of a web server.", sent=False) from error
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise NoAnswer(f"{shown} can't be reached: {_reason(error)}.", sent=False) from error
    except httpx.TimeoutException as error:
        raise NoAnswer(f"{shown} didn't answer within {request.timeout:g} s.", sent=True) from error
    except httpx.HTTPError as error:
        raise NoAnswer(f"{shown} broke off its answer: {_reason(error)}.", sent=True) from error


def _cookie(line: str) -> tuple[str, str]:
    name, _, value = line.partition(";")[0].partition("=")
    return name.strip(), value.strip()


def _reason(error: Exception) -> str:
    return str(error).strip().rstrip(".") or type(error).__name__
