"""The calls of one session, made by three means, each in a process of its own.

`station`: the station's road, journal, lanes and supplier, with bolts that settle at once. `plain`: requests, and
nothing is written down. `dbos`: two DBOS workflows on SQLite, each call a step. Prints JSON: seconds of each session,
and the processor time of all of them.
"""

import argparse
import json
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from support.measure.rig import STATION

CARD = "04A1B2C3D4E5F6"
WARM = 3
Session = Callable[[], None]
"""Starts and ends one."""
START = (
    ("post", "/stations/{station}/leds/1"),
    ("put", "/stations/{station}/slot/1/lock"),
    ("put", "/sessions/{id}/start"),
)
END = (
    ("put", "/sessions/{id}/end"),
    ("put", "/sessions/{id}/pay"),
    ("put", "/stations/{station}/slot/1/unlock"),
    ("post", "/stations/{station}/leds/1"),
)
CALLS = 2 + len(START) + 1 + len(END)


class Calls:
    """The document's calls with requests, over one kept connection."""

    def __init__(self, url: str) -> None:
        import requests

        self._url = url
        self._session = requests.Session()

    def ask(self) -> None:
        """Which session of the card is active?"""
        self._session.get(f"{self._url}/stations/{STATION}/session/{CARD}")

    def acquire(self) -> str:
        """A slot, and with it the session's id."""
        answer = self._session.post(f"{self._url}/stations/{STATION}", json={"card": CARD})
        return str(answer.json()["session"]["id"])

    def act(self, method: str, path: str, session: str) -> None:
        """One write."""
        body = {"action": "on", "color": "blue"} if method == "post" else None
        key = {"Idempotency-Key": str(uuid.uuid4())}
        url = self._url + path.format(station=STATION, id=session)
        self._session.request(method, url, json=body, headers=key).raise_for_status()


@contextmanager
def plain(url: str, folder: Path) -> Iterator[Session]:
    """Nothing is written down."""
    del folder
    calls = Calls(url)

    def session() -> None:
        calls.ask()
        name = calls.acquire()
        for method, path in START:
            calls.act(method, path, name)
        calls.ask()
        for method, path in END:
            calls.act(method, path, name)

    yield session


@contextmanager
def dbos(url: str, folder: Path) -> Iterator[Session]:
    """Each call a step, each tap a workflow."""
    from dbos import DBOS

    calls = Calls(url)
    config: Any = {
        "name": "bench",
        "system_database_url": f"sqlite:///{folder}/dbos.sqlite",
        "run_admin_server": False,
        "log_level": "ERROR",
    }
    DBOS(config=config)

    @DBOS.step()
    def ask() -> None:
        calls.ask()

    @DBOS.step()
    def acquire() -> str:
        return calls.acquire()

    @DBOS.step()
    def act(method: str, path: str, session: str) -> None:
        calls.act(method, path, session)

    @DBOS.workflow()
    def start() -> str:
        ask()
        name = acquire()
        for method, path in START:
            act(method, path, name)
        return name

    @DBOS.workflow()
    def end(name: str) -> None:
        ask()
        for method, path in END:
            act(method, path, name)

    DBOS.launch()
    yield lambda: end(start())
    DBOS.destroy()


@contextmanager
def station(url: str, folder: Path) -> Iterator[Session]:
    """The station's own way, without its body."""
    from support.measure.walk import Walk

    with ExitStack() as life:
        walk = life.enter_context(Walk(url, folder / "journal.db"))
        yield walk.session


MEANS: Mapping[str, Callable[[str, Path], Any]] = {"station": station, "plain": plain, "dbos": dbos}


def main() -> None:
    """Run the sessions. A line on standard input begins them, so that whoever counts can count from there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("means", choices=MEANS)
    parser.add_argument("--url", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--sessions", type=int, required=True)
    options = parser.parse_args()
    with MEANS[options.means](options.url, options.folder) as session:
        for _ in range(WARM):
            session()
        tell(ready=True)
        sys.stdin.readline()
        cpu, took = time.process_time(), []
        for _ in range(options.sessions):
            began = time.monotonic()
            session()
            took.append(time.monotonic() - began)
        tell(cpu_s=time.process_time() - cpu, took_s=took, threads=threading.active_count())
        sys.stdin.readline()


def tell(**about: object) -> None:
    """One line of JSON."""
    print(json.dumps(about), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
