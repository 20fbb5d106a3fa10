"""host:port as people write it."""

import pytest

from agent.config.address import host_and_port, is_host, is_loopback


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:65535", ("::1", 65535)),
        ("my-host.example.:1", ("my-host.example.", 1)),
    ],
)
def test_host_and_port_are_told_apart(text: str, expected: tuple[str, int]) -> None:
    assert host_and_port(text) == expected


@pytest.mark.parametrize(
    "text", ["", ":1", "a", "a:", "a:-1", "a:65536", "a:\u0661", "::1:5", "[a]:5", "[1.2.3.4]:5", "a b:5"]
)
def test_anything_else_is_refused_with_how_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no host:port: write it like"):
        host_and_port(text)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("LOCALHOST", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.1", False), ("a.b", False)],
)
def test_loopback_is_this_machine_only(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("host", "expected"), [("a_b.c", True), ("-a", False), ("a..b", False), ("", False), ("a" * 254, False)]
)
def test_a_host_is_an_address_or_a_name(host: str, expected: bool) -> None:
    assert is_host(host) is expected
