"""Only this machine's own pages and programs may use the JSON API, not a web site that a browser here shows.

A site can make a name of its own point to 127.0.0.1 (DNS rebinding), and can post without asking (CSRF); both show in
the headers `Host` and `Origin`, which a browser always sets itself.
"""

from http import HTTPStatus
from urllib.parse import urlsplit

from agent.config.address import is_loopback
from agent.http.messages import HttpError, Reply, Request, Route


def local_only(route: Route) -> Route:
    """The same route, 403 for everybody else."""

    def handler(request: Request) -> Reply:
        origin = request.headers.get("Origin")
        if not _is_local(f"//{request.headers.get('Host', '')}") or not (origin is None or _is_local(origin)):
            raise HttpError(HTTPStatus.FORBIDDEN, "Only this machine is answered: use 127.0.0.1 or localhost.")
        return route.handler(request)

    return Route(route.method, route.pattern, handler)


def _is_local(url: str) -> bool:
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False
