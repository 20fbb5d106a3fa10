"""What `check` finds out about files: config, secrets, journal, disk; and about the clock."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from support.clinic import Clinic
from support.owing import CARD, at, tap

from agent.check import clock, credentials, journal
from agent.check.finding import Finding
from agent.config import fingerprint, load
from agent.config.places import JOURNAL, UNWRITTEN
from agent.journal import Journal, Unwritten, Writing
from agent.journal.unwritten import Record
from agent.state import Phase, Session, Slot, Station
from agent.version import RELEASED


def test_every_mistake_of_the_config_is_told(clinic: Clinic) -> None:
    clinic.write_config({"pin = 17": "pin = 8", "[mqtt]": "[mqtq]"})
    result = clinic.check()
    assert (result.exit_code, result.stdout) == (2, "")
    assert "slots[1].lock.pin = 8: is taken by the card reader's SPI bus" in result.stderr
    assert "mqtq is unknown: did you mean mqtt?" in result.stderr
    as_json = clinic.check("--json")
    assert as_json.exit_code == 2
    report = json.loads(as_json.stdout)
    assert (report["ok"], report["agent"], len(report["findings"])) == (False, None, 2)
    assert clinic.lines.driven == []


def test_a_config_that_cannot_be_read(clinic: Clinic) -> None:
    clinic.config.unlink()
    result = clinic.check()
    assert result.exit_code == 2
    assert "No such file or directory; name another file with --config" in result.stderr


def test_a_simulated_station_without_a_world_says_how_to_start_one(clinic: Clinic) -> None:
    clinic.write_config({"[lights]": '[hardware]\nkind = "simulated"\n[lights]'})
    result = clinic.check("--local")
    assert result.exit_code == 1
    parts = [line.split()[1] for line in result.stdout.splitlines()[1:-1]]
    assert parts == ["config", "secrets", "journal", "hardware", "clock"]
    assert "start one with `station-agent simulate`" in result.stdout


def secrets(clinic: Clinic, **files: Path) -> list[tuple[str, str, str]]:
    config = load(clinic.config)
    supplier = replace(config.supplier, **{name: str(path) for name, path in files.items()})
    return [(each.level, each.said, each.mend) for each in credentials.look(replace(config, supplier=supplier))]


def test_secrets_that_are_well_kept(clinic: Clinic, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret")
    for mode in (0o600, 0o400, 0o640):
        token.chmod(mode)
        assert secrets(clinic, token_file=token) == [("ok", f"readable, and by nobody else: {token}", "")]
    ca = tmp_path / "ca.pem"
    ca.touch(mode=0o644)
    assert secrets(clinic, ca_file=ca)[0][0] == "ok"


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o604])
def test_secrets_that_are_open_to_others(clinic: Clinic, tmp_path: Path, mode: int) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret")
    token.chmod(mode)
    ((level, said, mend),) = secrets(clinic, token_file=token)
    assert (level, mend) == ("warning", f"chmod 640 {token}")
    assert said == f"[supplier] token_file {token} is open to others (mode {mode:o})"


def test_secrets_that_are_not_there(clinic: Clinic, tmp_path: Path) -> None:
    (found,) = secrets(clinic, client_key_file=tmp_path / "key")
    assert found[:2] == (
        "failed",
        f"[supplier] client_key_file {tmp_path}/key cannot be read (No such file or directory)",
    )


def test_where_secrets_are_makes_no_other_config(clinic: Clinic) -> None:
    config = load(clinic.config)
    elsewhere = replace(config, supplier=replace(config.supplier, token_file="/etc/token"))
    assert fingerprint(elsewhere) == fingerprint(config)
    assert fingerprint(replace(config, mqtt=replace(config.mqtt, port=77))) != fingerprint(config)


def journaled(clinic: Clinic) -> Path:
    path = clinic.state / JOURNAL
    before = Station(slots={1: Slot(number=1), 2: Slot(number=2)})
    after = Station(
        slots={1: Slot(number=1, phase=Phase.CHARGING, session="S-1"), 2: Slot(number=2)},
        sessions={"S-1": Session(id="S-1", card=CARD, slot=1, tapped=at(), locked=True)},
    )
    kept = Journal(path)
    kept.stage(Writing(fact=tap(), before=before, after=after))
    kept.close()
    return path


def looked(clinic: Clinic) -> journal.Remembered:
    return journal.look(load(clinic.config), clinic.state / "run")


def test_a_journal_that_is_well_is_read_and_left_alone(clinic: Clinic) -> None:
    path = journaled(clinic)
    before = path.read_bytes()
    found = looked(clinic)
    assert [(each.level, each.said) for each in found.findings] == [
        ("ok", "sessions: 1; owed: 0 to the supplier, 0 to the broker")
    ]
    assert found.station is not None
    assert found.station.slots[1].phase is Phase.CHARGING
    assert found.newest == tap().at.wall
    assert path.read_bytes() == before


def test_a_damaged_journal_makes_every_slot_unknown(clinic: Clinic) -> None:
    path = journaled(clinic)
    path.write_bytes(b"x" * 8192)
    found = looked(clinic)
    assert [each.level for each in found.findings] == ["failed"]
    assert found.station is not None
    assert {slot.phase for slot in found.station.slots.values()} == {Phase.UNKNOWN}


def test_a_log_without_its_journal_is_no_new_station(clinic: Clinic) -> None:
    clinic.state.mkdir()
    (clinic.state / f"{JOURNAL}-wal").touch()
    assert [each.level for each in looked(clinic).findings] == ["failed"]


def test_what_the_disk_did_not_take_keeps_the_hands_off_the_locks(clinic: Clinic) -> None:
    journaled(clinic)
    runtime = clinic.state / "run"
    runtime.mkdir()
    unwritten = Unwritten(runtime / UNWRITTEN)
    assert looked(clinic).station is not None
    unwritten.save(Record("r-1", [("DELETE FROM entries", ())]))
    unwritten.close()
    assert looked(clinic).station is None
    result = clinic.check("--local")
    assert result.exit_code == 1
    assert "skipped  hardware  nobody knows which bolts must not move" in result.stdout
    assert clinic.lines.driven == []


def test_a_journal_that_followed_a_lost_one(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    journaled(clinic)
    monkeypatch.setattr(Journal, "lost", "it was damaged")
    first, *_ = looked(clinic).findings
    assert (first.level, first.said) == ("warning", "the one before was lost (it was damaged)")


def test_what_was_set_aside_is_told(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    journaled(clinic)
    counts = {"supplier": 0, "broker": 0, "refused": 3, "oldest": None}
    monkeypatch.setattr(Journal, "counts", lambda _: counts)
    assert (looked(clinic).findings[1].level, looked(clinic).findings[1].said) == ("warning", "3 refused and set aside")


def test_little_room_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def left() -> list[Finding]:
        return list(journal.look_at_disk(tmp_path))

    assert left()[0].level == "ok"
    monkeypatch.setattr(journal, "LOW_BYTES", 2**62)
    assert left()[0].level == "warning"
    assert list(tmp_path.iterdir()) == []
    assert list(journal.look_at_disk(tmp_path / "none")) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_disk_that_is_full(tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(full)], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        (full / "filler").write_bytes(b"x" * 60 * 1024)
        (found,) = journal.look_at_disk(full)
        assert (found.level, found.said) == ("failed", f"{full} takes nothing (No space left on device)")
        subprocess.run(["mount", "-o", "remount,ro", str(full)], check=True)
        (found,) = journal.look_at_disk(full)
        assert found.said == f"{full} takes nothing (Read-only file system)"
    finally:
        subprocess.run(["umount", str(full)], check=True)


@pytest.mark.parametrize(
    ("wall", "newest", "ntp", "expected"),
    [
        (RELEASED + 10, RELEASED, True, ("ok", "set and synchronised")),
        (RELEASED + 10, RELEASED, False, ("warning", "set, but nothing keeps it right")),
        (0.0, 0.0, True, ("warning", "not set: it shows 1970-01-01T00:00:00.000Z")),
        (RELEASED + 10, RELEASED + 90_000, True, ("warning", "not set: it shows 2026-11-22T00:00:10.000Z")),
    ],
)
def test_the_clock(wall: float, newest: float, ntp: bool, expected: tuple[str, str]) -> None:
    (found,) = clock.look(wall, newest, ntp=ntp)
    assert (found.level, found.said) == expected
