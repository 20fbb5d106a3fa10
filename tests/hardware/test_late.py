"""A reader and a strip that come late."""

from collections.abc import Sequence

import pytest

from hardware.late import LateReader, LateStrip
from hardware.parts import LightsFailure, NoCard, PartMissing, Reader, ReaderFailure, Rgb, Sighting, Strip


class Part:
    """Reader and strip at once, and what was done to it."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def poll(self) -> Sighting:
        self.done.append("poll")
        return NoCard()

    def revive(self) -> None:
        self.done.append("revive")

    @property
    def repairs(self) -> int:
        return 7

    def version(self) -> int | None:
        return None

    def show(self, frame: Sequence[Rgb]) -> None:
        self.done.append(f"show {len(frame)}")

    def close(self) -> None:
        self.done.append("close")


class Shop:
    """Where the part comes from, if it is in."""

    def __init__(self, *, open_now: bool) -> None:
        self.part = Part()
        self.is_open = open_now

    def reader(self) -> Reader:
        return self._hand_out()

    def strip(self) -> Strip:
        return self._hand_out()

    def _hand_out(self) -> Part:
        if not self.is_open:
            raise PartMissing("not in today")
        return self.part


def test_a_reader_that_is_there_is_used_at_once() -> None:
    shop = Shop(open_now=True)
    reader = LateReader(shop.reader)
    assert reader.poll() == NoCard()
    assert reader.repairs == 7
    reader.revive()
    reader.close()
    reader.close()
    assert shop.part.done == ["poll", "revive", "close"]


def test_a_missing_reader_fails_until_it_is_revived(caplog: pytest.LogCaptureFixture) -> None:
    shop = Shop(open_now=False)
    reader = LateReader(shop.reader)
    assert "not in today" in caplog.text
    assert reader.repairs == 0
    for act in (reader.poll, reader.revive, reader.poll):
        with pytest.raises(ReaderFailure, match="not in today"):
            act()
    shop.is_open = True
    with pytest.raises(ReaderFailure):
        reader.poll()
    reader.revive()
    assert reader.poll() == NoCard()


def test_a_closed_reader_is_not_opened_again() -> None:
    shop = Shop(open_now=False)
    reader = LateReader(shop.reader)
    reader.close()
    shop.is_open = True
    for act in (reader.poll, reader.revive):
        with pytest.raises(ReaderFailure, match="closed"):
            act()


def test_a_missing_strip_is_opened_by_a_later_frame(caplog: pytest.LogCaptureFixture) -> None:
    shop = Shop(open_now=False)
    strip = LateStrip(shop.strip)
    assert "not in today" in caplog.text
    with pytest.raises(LightsFailure, match="not in today"):
        strip.show([])
    shop.is_open = True
    strip.show([(1, 2, 3)])
    strip.show([])
    strip.close()
    strip.close()
    assert shop.part.done == ["show 1", "show 0", "close"]
    with pytest.raises(LightsFailure, match="closed"):
        strip.show([])


def test_a_strip_that_never_came_closes() -> None:
    LateStrip(Shop(open_now=False).strip).close()
