"""The supplier: whether it can be reached, knows the station, and speaks as `supplier-api.yaml` says."""

from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus

from agent.answers import Outcome, Problem, Refused, Rejected, Undelivered
from agent.check.finding import Finding, failed, ok, warning
from agent.config.settings import SupplierSettings
from agent.supplier import Supplier, Unusable

PART = "supplier"
NO_CARD = "00000000"
"""A UID that no card has: asking for its session changes nothing."""
TLS = "no TLS with"
FILES = "mend that: [supplier] ca_file says whom to trust, client_cert_file and client_key_file who the station is"
REACH = "check [supplier] url, the network, and whether the supplier is up"
KEYS = "check [supplier] token_file and client_cert_file (a systemd credential is given to the service only)"


def look(settings: SupplierSettings, station_id: str, slots: frozenset[int]) -> Iterator[Finding]:
    """Ask once which session a card that does not exist has."""
    try:
        supplier = Supplier(settings, station_id, slots)
    except Unusable as error:
        yield failed(PART, str(error))
        return
    with closing(supplier):
        yield read(supplier.look(NO_CARD))


def read(outcome: Outcome) -> Finding:
    """What the answer means for the station."""
    match outcome:
        case Undelivered(reason=reason, malformed=None):
            return failed(PART, reason, FILES if reason.startswith(TLS) else REACH)
        case Undelivered(reason=reason):
            return failed(PART, reason, "check [supplier] url: this is no supplier's answer")
        case Rejected(problem=problem):
            return failed(PART, f"it rejects the station ({_said(problem)})", KEYS)
        case Refused(problem=problem) if problem.status not in (HTTPStatus.FORBIDDEN, HTTPStatus.BAD_REQUEST):
            return warning(PART, f"it answers a plain question with {_said(problem)}", "check [supplier] url")
        case _:
            return ok(PART, "answers, and takes the station for one of its own")


def _said(problem: Problem) -> str:
    return f"{problem.status} {problem.detail or problem.title}".strip()
