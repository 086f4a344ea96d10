"""Addresses to which a secret may be sent.

Here: what is this machine, and what nobody can read on the way.
Not here: where guardrails may deliver (guardrails.address).
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_this_machine(host: str) -> bool:
    """Whether a host name or address never leaves this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_safe(address: str) -> bool:
    """Whether what is sent there cannot be read on the way: https, or this machine."""
    parts = urlsplit(address)
    return parts.scheme == "https" or is_this_machine(parts.hostname or "")
