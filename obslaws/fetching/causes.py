"""Faults of the network in one line each, with a cure; which of them pass by themselves."""

from __future__ import annotations

import errno
import http.client
import os
import re
import socket
import urllib.error
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["BrokenOff", "cause_of", "is_transient", "wait_asked_for"]

_STATUS = {
    400: "HTTP 400, the server did not understand the request",
    401: "HTTP 401, not signed in; set HF_TOKEN to a token that may read it",
    403: "HTTP 403, access refused; ask for access on its page, then set HF_TOKEN",
    404: "HTTP 404, not there any more; the upstream moved, adapt the source's live route",
    410: "HTTP 410, taken down; adapt the source's live route",
    429: "HTTP 429, too many requests; try again later, a token in HF_TOKEN raises the limit",
}
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class BrokenOff(OSError):
    """A body that ended before, or went on after, the length that was announced."""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        reason = getattr(error, "reason", None)
        error = reason if isinstance(reason, BaseException) else error.__cause__ or error.__context__


def _status(error: BaseException) -> int | None:
    for one in _chain(error):
        if isinstance(one, urllib.error.HTTPError):
            return one.code
        code = getattr(getattr(one, "response", None), "status_code", None)
        if isinstance(code, int) and code >= 400:
            return code
    return None


def _kinds(error: BaseException) -> set[str]:
    return {base.__name__ for one in _chain(error) for base in type(one).__mro__}


def cause_of(error: BaseException) -> str:
    """Say in one line what went wrong and what to do; no address and no token is repeated.

    Parameters
    ----------
    error : BaseException
        From urllib, from the hub's client, or from the operating system.

    Returns
    -------
    str
        Without a full stop.

    Examples
    --------
    >>> cause_of(ConnectionRefusedError(111, "Connection refused"))
    'connection refused; nobody listens there, check the address (HF_ENDPOINT) or try again later'
    """
    kinds, words = _kinds(error), " ".join(str(one) for one in _chain(error))
    if any(getattr(one, "errno", None) in _FULL for one in _chain(error)):
        return "no space left on the device; free some, or move the folders with OBSLAWS_HOME and HF_HOME"
    if "TooManyRedirects" in kinds or "infinite loop" in words or "redirects" in words.lower():
        return "redirected in a circle; the upstream is misconfigured, try again later"
    status = _status(error)
    if status is not None:
        if status >= 500:
            return f"HTTP {status}, the server has a fault; try again later"
        return _STATUS.get(status, f"HTTP {status}")
    if "gaierror" in kinds or "Name or service not known" in words or "name resolution" in words:
        return "host not found; check the network, and the address in HF_ENDPOINT if it is set"
    if "ConnectionRefusedError" in kinds or "Connection refused" in words:
        return "connection refused; nobody listens there, check the address (HF_ENDPOINT) or try again later"
    if kinds & {"TimeoutError", "TimeoutException", "ReadTimeout"} or "timed out" in words:
        return "no answer in time; the server is slow or down, try again later"
    if kinds & {"BrokenOff", "IncompleteRead", "RemoteProtocolError"} or "consistency check failed" in words.lower():
        return f"the file broke off ({_short(error)}); try again"
    if kinds & {"ConnectionError", "RemoteDisconnected", "ReadError", "ConnectError"}:
        return "the connection was lost; try again"
    if kinds & {"OfflineModeIsEnabled", "LocalEntryNotFoundError"}:
        return "not in the cache and not to be had now; connect to the network and refresh once"
    return _short(error)


def _short(error: BaseException) -> str:
    text = " ".join(f"{error}".split()) or type(error).__name__
    token = os.environ.get("HF_TOKEN")
    if token:
        text = text.replace(token, "***")
    text = re.sub(r"//[^/@\s]+@", "//***@", text)
    return f"{type(error).__name__}: {text[:160]}".rstrip(".")


def is_transient(error: BaseException) -> bool:
    """Tell whether trying again can help.

    Parameters
    ----------
    error : BaseException
        As above.

    Returns
    -------
    bool
        False for refusals, missing files, full disks and redirects in a circle.
    """
    if any(getattr(one, "errno", None) in _FULL for one in _chain(error)):
        return False
    status = _status(error)
    if status is not None:
        return status in _PASSING
    kinds = _kinds(error)
    if kinds & {"TooManyRedirects", "gaierror", "OfflineModeIsEnabled", "LocalEntryNotFoundError"}:
        return False
    passing = (
        ConnectionError,
        TimeoutError,
        socket.timeout,
        http.client.HTTPException,
        urllib.error.URLError,
        BrokenOff,
    )
    return isinstance(error, passing) or bool(kinds & {"TransportError", "TimeoutException", "BrokenOff"})


def wait_asked_for(error: BaseException) -> float | None:
    """Read how long the server wants us to wait.

    Parameters
    ----------
    error : BaseException
        As above.

    Returns
    -------
    float or None
        Seconds, from ``Retry-After`` or the ``t`` of ``RateLimit``; None when nothing was asked.
    """
    for one in _chain(error):
        headers = getattr(getattr(one, "response", one), "headers", None)
        if headers is None:
            continue
        after = headers.get("Retry-After")
        if after and after.strip().isdigit():
            return float(after)
        if after:
            try:
                return max(0.0, (parsedate_to_datetime(after) - datetime.now(UTC)).total_seconds())
            except (TypeError, ValueError):
                pass
        limit = re.search(r"\bt=(\d+)", headers.get("RateLimit") or "")
        if limit and _status(one) == 429:
            return float(limit[1])
    return None
