"""Addresses as people write them: `host:port`, and what is this machine."""

from ipaddress import IPv6Address, ip_address

HIGHEST_PORT = 65535
LONGEST_NAME = 253
LONGEST_LABEL = 63


def is_loopback(host: str) -> bool:
    """Whether `host` can only be this machine: `localhost` (RFC 6761 section 6.3) or a loopback address."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def host_and_port(text: str) -> tuple[str, int]:
    """Splits `127.0.0.1:8080`, `name:8080` or `[::1]:8080`; port 0 is any free one. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    well_formed = colon and is_host(host) and bracketed == (":" in host)
    if not (well_formed and _is_port(port)):
        raise ValueError(f"{text[:80]!r} is no host:port: write it like 127.0.0.1:8080 or [::1]:8080")
    return host, int(port)


def is_host(host: str) -> bool:
    """Whether `host` can be an address or a name (RFC 1123 section 2.1, underscores allowed as resolvers do)."""
    if ":" in host:
        return _is_ipv6(host)
    labels = host.removesuffix(".").split(".")
    return len(host) <= LONGEST_NAME and all(_is_label(label) for label in labels)


def _is_label(label: str) -> bool:
    bare = label.replace("-", "").replace("_", "")
    return len(label) <= LONGEST_LABEL and label.isascii() and bare.isalnum() and not label.startswith("-")


def _is_ipv6(host: str) -> bool:
    try:
        return isinstance(ip_address(host), IPv6Address)
    except ValueError:
        return False


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(HIGHEST_PORT)) and int(text) <= HIGHEST_PORT
