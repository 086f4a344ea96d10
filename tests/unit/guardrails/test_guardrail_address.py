"""Where messages may go."""

from __future__ import annotations

import pytest

from guardrails.address import RefusedAddressError, classify, locate

pytestmark = pytest.mark.ids("GUARD-5", "SEC-2")


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("93.184.215.14", "public"),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", "public"),
        ("127.0.0.1", "private"),
        ("127.8.8.8", "private"),
        ("::1", "private"),
        ("10.1.2.3", "private"),
        ("172.16.0.1", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "private"),
        ("fd00::1", "private"),
        ("::ffff:10.0.0.1", "private"),
        ("2002:0a00:0001::1", "private"),  # 6to4 of 10.0.0.1
        ("64:ff9b::7f00:1", "private"),  # NAT64 of 127.0.0.1
        ("169.254.169.254", "forbidden"),
        ("::ffff:169.254.169.254", "forbidden"),
        ("64:ff9b::a9fe:a9fe", "forbidden"),
        ("fe80::1%eth0", "forbidden"),
        ("0.0.0.0", "forbidden"),
        ("::", "forbidden"),
        ("224.0.0.1", "forbidden"),
        ("255.255.255.255", "forbidden"),
        ("240.0.0.1", "forbidden"),
    ],
)
def test_addresses_are_told_apart(address: str, kind: str) -> None:
    assert classify(address) == kind


@pytest.mark.parametrize(
    ("url", "resolved", "reason"),
    [
        ("https://hook.example/x", ["10.0.0.5"], "10.0.0.5, which is not a public address"),
        ("https://hook.example/x", ["93.184.215.14", "127.0.0.1"], "127.0.0.1, which is not a public address"),
        ("https://hook.example/x", ["169.254.169.254"], "which is never called"),
        ("http://hook.example/x", ["93.184.215.14"], "plain http"),
        ("ftp://hook.example/x", ["93.184.215.14"], "not an http or https URL"),
        ("https://user:secret@hook.example/x", ["93.184.215.14"], "carries a user name"),
        ("hook.example/x", ["93.184.215.14"], "not an http or https URL"),
        ("https://host:port/x", ["93.184.215.14"], "not a URL"),
    ],
)
def test_what_must_not_be_called_is_refused_without_repeating_the_url(
    url: str, resolved: list[str], reason: str
) -> None:
    with pytest.raises(RefusedAddressError) as caught:
        locate(url, allow_private=False, resolve=lambda _host, _port: resolved)
    assert reason in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "hook.example/x" not in str(caught.value)


def test_private_receivers_are_called_where_the_route_allows_but_never_link_local_ones() -> None:
    receiver = locate("http://hook.example:8080/x", allow_private=True, resolve=lambda _host, _port: ["10.0.0.5"])
    assert receiver.addresses == ("10.0.0.5",)
    with pytest.raises(RefusedAddressError):
        locate("http://hook.example/x", allow_private=True, resolve=lambda _host, _port: ["169.254.169.254"])


def test_the_name_is_resolved_once_with_the_port_of_the_url() -> None:
    asked: list[tuple[str, int]] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["93.184.215.14"]

    locate("https://hook.example/x", allow_private=False, resolve=resolve)
    locate("https://hook.example:8443/x", allow_private=False, resolve=resolve)
    assert asked == [("hook.example", 443), ("hook.example", 8443)]
