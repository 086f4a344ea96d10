"""Where a message may go: the guard against being made to call this network's insides (SSRF).

Here: parsing a receiver's address, resolving it once, judging what it resolves to.
Not here: connecting (delivery), which connects to exactly the addresses found here.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass

import httpx

Resolve = Callable[[str, int], list[str]]
"""Host and port to IP addresses as text. Raises OSError where the name cannot be resolved."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class RefusedAddressError(ValueError):
    """The address must not be called; the message says why without repeating the address, which may be a secret."""

    def __init__(self, reason: str, remedy: str) -> None:
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{reason}. {remedy}")


@dataclass(frozen=True)
class Receiver:
    """A URL and the IP addresses that it may be reached at, resolved once."""

    url: httpx.URL
    addresses: tuple[str, ...]


def system_resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def locate(text: str, *, allow_private: bool, resolve: Resolve = system_resolve) -> Receiver:
    """Resolve a receiver's URL and refuse what must not be called.

    Public addresses need https. With ``allow_private`` loopback and private networks are fine too, also by plain http;
    link-local addresses, where clouds serve credentials, never are.

    Raises:
        RefusedAddressError: not a usable URL, or an address that must not be called.
        OSError: the name cannot be resolved at the moment.
    """
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        raise RefusedAddressError("it is not a URL", "Write it like https://host/path") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise RefusedAddressError("it is not an http or https URL", "Write it like https://host/path")
    if url.userinfo:
        raise RefusedAddressError("it carries a user name or password", "Remove the part before the @")
    found = locate_host(
        url.host, url.port or (443 if url.scheme == "https" else 80), allow_private=allow_private, resolve=resolve
    )
    if url.scheme == "http" and any(kind == "public" for _, kind in found):
        raise RefusedAddressError("it is plain http on a public address", "Use https")
    return Receiver(url, tuple(address for address, _ in found))


def locate_host(
    host: str, port: int, *, allow_private: bool, resolve: Resolve = system_resolve
) -> list[tuple[str, str]]:
    """The addresses of a host, each with ``public`` or ``private``.

    Raises:
        RefusedAddressError: one that must not be called.
        OSError: the name cannot be resolved at the moment.
    """
    addresses = resolve(host, port)
    if not addresses:
        raise OSError(f"{host} has no address")
    found = []
    for address in addresses:
        kind = classify(address)
        if kind == "private" and not allow_private:
            raise RefusedAddressError(
                f"its host resolves to {address}, which is not a public address",
                "Use a public receiver, or set allow_private_addresses: true for the route in routing.yml",
            )
        if kind == "forbidden":
            raise RefusedAddressError(f"its host resolves to {address}, which is never called", "Use another receiver")
        found.append((address, kind))
    return found


def classify(address: str) -> str:
    """``public``, ``private`` (loopback and private networks) or ``forbidden`` (link-local, multicast, reserved, …)."""
    ip = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(ip, ipaddress.IPv6Address):
        # Addresses that carry an IPv4 address inside end up there.
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return classify(str(inner))
        if ip.teredo is not None:
            return "forbidden"
    if ip.is_loopback:
        return "private"
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip.is_reserved:
        return "forbidden"
    return "public" if ip.is_global else "private"
