"""Bytes that rot anywhere in the file: it opens with a station that is one, or says that it cannot be read."""

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.journal import Journal, JournalUnreadable
from agent.state import Phase, Station

FIXTURES = Path(__file__).parents[2] / "fixtures"
NEWEST = max(FIXTURES.glob("journal-*.db"), key=lambda path: int(path.stem.rpartition("-")[2]))
PAGE = 4096
PAGES = NEWEST.stat().st_size // PAGE
SEED = 20_260_727

Damage = Callable[[bytearray, random.Random], None]


def zeroed(page: bytearray, _chance: random.Random) -> None:
    page[:] = bytes(PAGE)


def half_zeroed(page: bytearray, _chance: random.Random) -> None:
    """A sector of a card that lost power."""
    page[PAGE // 2 :] = bytes(PAGE // 2)


def one_bit(page: bytearray, chance: random.Random) -> None:
    page[chance.randrange(PAGE)] ^= 1 << chance.randrange(8)


def one_byte_of_the_header(page: bytearray, chance: random.Random) -> None:
    """Where a page says what it is and where its cells are."""
    page[chance.randrange(16)] ^= 0xFF


def noise(page: bytearray, chance: random.Random) -> None:
    start = chance.randrange(PAGE - 64)
    page[start : start + 64] = chance.randbytes(64)


def other_page(page: bytearray, chance: random.Random) -> None:
    """A write that went to the wrong place."""
    start = chance.randrange(PAGES) * PAGE
    page[:] = NEWEST.read_bytes()[start : start + PAGE]


ONCE: tuple[Damage, ...] = (zeroed, half_zeroed)
OFTEN: tuple[Damage, ...] = (one_bit, one_byte_of_the_header, noise, other_page)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def damaged(path: Path, page: int, damage: Damage, chance: random.Random) -> None:
    """A fresh copy with one page that is not as it was."""
    for part in path.parent.glob(f"{path.name}*"):
        part.unlink()
    content = bytearray(NEWEST.read_bytes())
    hurt = content[page * PAGE : (page + 1) * PAGE]
    damage(hurt, chance)
    content[page * PAGE : (page + 1) * PAGE] = hurt
    path.write_bytes(content)


def seen(path: Path, *, read_only: bool) -> Station | None:
    """The station of a journal that can be read in every way; None if that was refused."""
    try:
        with closing(Journal(path, read_only=read_only)) as journal:
            station = journal.restore([1, 2])
            journal.owed()
            journal.aside()
            journal.counts()
            journal.newest()
            journal.was_taken("test", "e-1")
            journal.is_known("04A1B2C3D4E5F6", 0.0, 1e10)
            return station
    except JournalUnreadable:
        return None


def consistent(station: Station) -> bool:
    """A slot with a vehicle has its session, and the session its slot: no damage sets a vehicle free."""
    return {slot.phase for slot in station.slots.values()} == {Phase.CHARGING, Phase.HELD} and all(
        station.sessions[slot.session].slot == slot.number for slot in station.slots.values()
    )


def hurts(tries: int) -> Iterator[tuple[Damage, random.Random]]:
    chance = random.Random(SEED)
    yield from ((damage, chance) for damage in ONCE)
    yield from ((damage, chance) for damage in OFTEN for _ in range(tries))


@pytest.mark.parametrize("page", range(PAGES))
def test_damage_is_told_or_harmless(path: Path, page: int) -> None:
    refused = 0
    for damage, chance in hurts(10):
        damaged(path, page, damage, chance)
        for read_only in (True, False):
            station = seen(path, read_only=read_only)
            refused += station is None
            assert station is None or consistent(station), damage.__name__
    assert refused > 0, "nothing of it was ever noticed"


@pytest.mark.parametrize("length", [1, 99, 100, PAGE - 1, PAGE, PAGE + 1, (PAGES - 1) * PAGE])
def test_a_file_cut_short_is_told(path: Path, length: int) -> None:
    path.write_bytes(NEWEST.read_bytes()[:length])
    assert seen(path, read_only=True) is None
    assert seen(path, read_only=False) is None
    assert path.stat().st_size == length


def test_the_whole_file_is_read(path: Path) -> None:
    """Else every case here would pass."""
    shutil.copyfile(NEWEST, path)
    station = seen(path, read_only=False)
    assert station is not None
    assert consistent(station)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE entries SET key='9' WHERE kind='slot' AND key='1'", "has lost its slot"),
        ("UPDATE entries SET key=key || 'x' WHERE kind='session'", "the row session S-.*x is not what it says it is"),
        ("DELETE FROM entries WHERE kind='session'", "slot 1 has lost its session"),
        ("DELETE FROM entries WHERE kind='slot'", "has lost its slot"),
        ("UPDATE entries SET value=replace(value, 'charging', 'free')", "slot 1 has lost its session"),
        ("UPDATE entries SET value=replace(value, '\"session\":', '\"sessioo\":')", "slot 1 is charging for nobody"),
        ("UPDATE owed SET act=1.5", "bytes-like"),
        ("UPDATE owed SET act=x'7b226e616d65223a22e728227d'", "decode"),
        ("UPDATE salt SET value='text'", "the salt is not what it was"),
        ("DELETE FROM salt", "the salt is not what it was"),
    ],
)
def test_rows_that_do_not_belong_together_are_told(path: Path, change: str, told: str) -> None:
    shutil.copyfile(NEWEST, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        assert db.execute(change).rowcount > 0
    for read_only in (True, False):
        with pytest.raises(JournalUnreadable, match=told):
            Journal(path, read_only=read_only)
