"""Telling systemd how the service is doing."""

import socket
from pathlib import Path

import pytest

from agent.notify import notify


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_systemd_is_told(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"path": str(tmp_path / "notify"), "abstract": f"@{tmp_path}"}[kind]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(given.replace("@", "\0"))
        monkeypatch.setenv("NOTIFY_SOCKET", given)
        notify("READY=1")
        systemd.settimeout(5)
        assert systemd.recv(100) == b"READY=1"


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")
    assert caplog.text == ""


def test_a_systemd_that_does_not_listen_stops_no_station(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/notify")
    notify("STOPPING=1")
    assert "systemd could not be told STOPPING=1 at /nowhere/notify" in caplog.text
