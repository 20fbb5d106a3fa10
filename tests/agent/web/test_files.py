"""The page's own files, and nothing else."""

from email.message import Message
from pathlib import Path
from threading import Event

import pytest

from agent.http.messages import Answer, HttpError, Request
from agent.web.files import FOLDER, Files


def asked(name: str, **headers: str) -> Request:
    given: Message[str, str] = Message()
    for header, value in headers.items():
        given[header.replace("_", "-")] = value
    return Request(method="GET", path="/", params={"name": name}, query={}, headers=given, body=b"", stopping=Event())


@pytest.fixture
def files(tmp_path: Path) -> Files:
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html>")
    (folder / "main.js").write_text("export {}")
    (folder / "notes.txt").write_text("not for the page")
    (tmp_path / "secret.js").write_text("secret")
    return Files(folder)


def test_each_kind_of_file_is_called_what_it_is(files: Files) -> None:
    index = files.index(asked(""))
    assert isinstance(index, Answer)
    assert (index.status, index.body, index.content_type) == (200, b"<!doctype html>", "text/html; charset=utf-8")
    script = files.named(asked("main.js"))
    assert isinstance(script, Answer)
    assert script.content_type == "text/javascript; charset=utf-8"


def test_a_browser_that_has_it_gets_it_again_only_once_it_is_another(files: Files, tmp_path: Path) -> None:
    first = files.named(asked("main.js"))
    assert isinstance(first, Answer)
    tag = first.headers["ETag"]
    same = files.named(asked("main.js", If_None_Match=f'"other", {tag}'))
    assert isinstance(same, Answer)
    assert (same.status, same.body, same.headers["ETag"]) == (304, b"", tag)
    (tmp_path / "page" / "main.js").write_text("export { a }")
    other = files.named(asked("main.js", If_None_Match=tag))
    assert isinstance(other, Answer)
    assert other.status == 200


@pytest.mark.parametrize(
    "name",
    [
        "../secret.js",
        "..",
        ".",
        "nothing.js",
        "notes.txt",
        "/etc/passwd",
        ".main.js",
        "a/b.js",
        "main.js\0",
        "x" * 300 + ".js",
    ],
)
def test_there_is_nothing_else(name: str, files: Files) -> None:
    with pytest.raises(HttpError) as caught:
        files.named(asked(name))
    assert caught.value.answer.status == 404


def test_the_installed_page_can_be_signed_in_to() -> None:
    assert b"/sign-in" in Files().read("sign-in.html")
    assert FOLDER.parent.name == "web"
