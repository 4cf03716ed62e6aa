"""Who is asking, as long as a request lasts: so that one visitor cannot take all the room.

A visitor is an address of the network; behind a proxy on this machine, the one that it passes on.
The address itself is kept nowhere, only its fingerprint. Who sits at this machine is no visitor and
not bounded as one: it is their disk.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

DIGITS = 16
_VISITOR: ContextVar[str] = ContextVar("visitor", default="")


def visitor() -> str:
    """Return the fingerprint of who is asking, 16 hexadecimal digits; empty for this machine."""
    return _VISITOR.get()


@contextmanager
def visited_by(address: str | None) -> Iterator[None]:
    """Let :func:`visitor` tell, here and on the threads that work for it, who is asking.

    Args:
        address: Of the client; None where it has none, as behind a socket file.
    """
    token = _VISITOR.set("" if is_here(address) else fingerprint(address or ""))
    try:
        yield
    finally:
        _VISITOR.reset(token)


def is_here(address: str | None) -> bool:
    """Whether an address is this machine's own (or none at all, as behind a socket file)."""
    if not address:
        return True
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback


def fingerprint(address: str) -> str:
    """Return what a visitor is known by: all addresses of one IPv6 network are one visitor."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return hashlib.sha256(address.encode()).hexdigest()[:DIGITS]
    if isinstance(found, ipaddress.IPv6Address):
        found = found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False)
    return hashlib.sha256(str(found).encode()).hexdigest()[:DIGITS]
