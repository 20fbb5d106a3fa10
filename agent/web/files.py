"""The page's own files: whatever lies in the folder `page` beside this file, and nothing else."""

import hashlib
import re
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from agent.http.messages import Answer, HttpError, Reply, Request

FOLDER = Path(__file__).parent / "page"
INDEX = "index.html"
TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
NAME = re.compile(r"[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)+")
"""A name in one folder: no separator, no `..`, nothing hidden."""


class Files:
    """Serves the files of one folder; a browser asks again each time and gets 304 for what it has."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder

    def index(self, asked: Request) -> Reply:
        """The page itself."""
        return self.sent(INDEX, asked)

    def named(self, asked: Request) -> Reply:
        """The file `name`. Raises HttpError if there is none."""
        return self.sent(asked.params["name"], asked)

    def sent(self, name: str, asked: Request) -> Reply:
        """The file `name`, or 304 if the browser has it. Raises HttpError if there is none."""
        body = self.read(name)
        tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if tag in (each.strip() for each in asked.headers.get("If-None-Match", "").split(",")):
            return Answer(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Answer(body=body, content_type=TYPES[Path(name).suffix], headers=headers)

    def read(self, name: str) -> bytes:
        """What stands in the file `name`. Raises HttpError if there is none."""
        if Path(name).suffix not in TYPES or not NAME.fullmatch(name):
            raise HttpError(HTTPStatus.NOT_FOUND, "The page has no such file.")
        try:
            return (self._folder / name).read_bytes()
        except OSError as error:
            raise HttpError(HTTPStatus.NOT_FOUND, "The page has no such file.") from error
