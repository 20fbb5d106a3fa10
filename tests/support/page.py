"""Somebody who looks at a station page."""

import json
import re
import threading
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from support.bench import Bench
from support.mqtt import eventually

Step = dict[str, Any]
LISTENING = re.compile(r"the station page is at (https?)://.*:(\d+)/")


class Page:
    """The page at `url`; `token` is sent with every request."""

    def __init__(self, url: str, token: str = "", verify: Path | bool = True) -> None:
        self.url = url
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.verify = str(verify) if isinstance(verify, Path) else verify

    def ask(self, path: str, method: str = "GET", headers: dict[str, str] | None = None, **options: Any) -> Any:
        """One request; a value of None takes a header away."""
        sent = {**self.headers, **(headers or {})}
        return requests.request(
            method, f"{self.url}{path}", headers=sent, verify=self.verify, timeout=10, allow_redirects=False, **options
        )

    def get(self, path: str) -> Any:
        """What stands there."""
        answer = self.ask(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def steps(self) -> list[Step]:
        """The conversation so far."""
        steps: list[Step] = self.get("/api/conversation")["steps"]
        return steps


class Onlooker:
    """Reads the events of a page until it hangs up, or is closed."""

    def __init__(self, page: Page, last: int = 0) -> None:
        at = urlsplit(page.url)
        self._line = HTTPConnection(str(at.hostname), at.port, timeout=20)
        self._line.request("GET", "/api/events", headers={"Last-Event-ID": str(last)} if last else {})
        self._answer = self._line.getresponse()
        assert self._answer.headers["Content-Type"] == "text/event-stream"
        self.seen: list[tuple[str, Any]] = []
        self._thread = threading.Thread(target=self._read, name="onlooker")
        self._thread.start()

    def _read(self) -> None:
        with closing(self._line), suppress(ConnectionError):
            for line in iter(self._answer.readline, b""):
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    self.seen.append((kind, json.loads(value)))

    def of(self, kind: str) -> list[Any]:
        """The data of every event of this name."""
        return [data for each, data in list(self.seen) if each == kind]

    def join(self) -> None:
        """Wait until it was hung up on."""
        self._thread.join(10)
        assert not self._thread.is_alive()


def page_of(bench: Bench, token: str = "", verify: Path | bool = True) -> Page:
    """The page that the agent of a bench serves."""
    assert eventually(lambda: any(LISTENING.search(line) for line in bench.log), 10), bench.told()
    found = next(found for line in reversed(bench.log) if (found := LISTENING.search(line)))
    return Page(f"{found[1]}://127.0.0.1:{found[2]}", token, verify)


def arrows(steps: list[Step]) -> list[str]:
    """Who says what to whom, in order."""
    return [f"{step['from']} > {step['to']}: {step['title']}" for step in steps]
