"""The promises of `parts.Reader`."""

import re
from collections.abc import Callable

import pytest
from support.hands import CARDS
from support.patience import until
from support.promised import Promised

from hardware.board import Board
from hardware.parts import NoCard, OneCard, Reader, ReaderFailure, SeveralCards, Sighting

POLLS = 20
MOST_S = 0.1
REVIVE_S = 0.2
EMULATED = ("solenoids-ws281x",)
MOST_TRANSFERS = (28, 120, 400)
"""Of one poll, health check and all, with no card, one, and two."""


@pytest.fixture
def reader(board: Board) -> Reader:
    return board.reader


def polled_until(reader: Reader, wanted: Callable[[Sighting], bool]) -> None:
    assert until(lambda: wanted(reader.poll())), "it is not seen; look with `station-agent check --move`"


def test_an_empty_field_is_no_card_in_every_poll(station: Promised, reader: Reader) -> None:
    station.hands.lay(0)
    polled_until(reader, lambda seen: seen == NoCard())
    assert [reader.poll() for _ in range(POLLS)] == [NoCard()] * POLLS


def test_before_it_was_asked_anything_it_knows_no_version(station: Promised, reader: Reader) -> None:
    del station
    assert reader.version() is None
    reader.poll()
    assert reader.version() not in (None, 0x00, 0xFF)


def test_a_resting_card_is_seen_whole_by_every_poll(station: Promised, reader: Reader) -> None:
    station.hands.lay(1)
    polled_until(reader, lambda seen: isinstance(seen, OneCard))
    seen = {reader.poll() for _ in range(POLLS)}
    assert len(seen) == 1
    card = seen.pop()
    assert isinstance(card, OneCard)
    assert re.fullmatch(r"(?!88.{6}$)([0-9A-F]{8}|[0-9A-F]{14}|[0-9A-F]{20})", card.uid), "cut, or not in hex"
    whole = (
        f"the card's UID has {len(card.uid) // 2} bytes and ends in {card.uid[-4:]}: does a phone, or the card, say so"
    )
    assert station.hands.sees(whole, lambda shown: shown["cards"] == [card.uid] == [CARDS[0]])


def test_two_cards_are_several_and_told_apart(station: Promised, reader: Reader) -> None:
    station.hands.lay(2)
    polled_until(reader, lambda seen: isinstance(seen, SeveralCards))
    seen = [reader.poll() for _ in range(POLLS)]
    assert not [one for one in seen if isinstance(one, (NoCard, OneCard))], "one of two was taken"
    named = {uid for one in seen if isinstance(one, SeveralCards) for uid in one.uids}
    assert len(named) == 2, f"{len(named)} of 2 could be told apart"


def test_a_card_that_is_taken_away_is_gone(station: Promised, reader: Reader) -> None:
    station.hands.lay(1)
    polled_until(reader, lambda seen: isinstance(seen, OneCard))
    station.hands.lay(0)
    polled_until(reader, lambda seen: seen == NoCard())


@pytest.mark.parametrize("cards", [0, 1, 2])
def test_a_poll_takes_at_most_100_ms(station: Promised, reader: Reader, cards: int) -> None:
    station.hands.lay(cards)
    kind = (NoCard, OneCard, SeveralCards)[cards]
    polled_until(reader, lambda seen: isinstance(seen, kind))
    costs = [station.cost(reader.poll) for _ in range(POLLS)]
    assert max(transfers for transfers, _ in costs) <= MOST_TRANSFERS[cards]
    assert max(seconds for _, seconds in costs) <= station.within(MOST_S)


def test_to_revive_it_takes_at_most_200_ms_and_the_card_is_still_seen(station: Promised, reader: Reader) -> None:
    station.hands.lay(1)
    polled_until(reader, lambda seen: isinstance(seen, OneCard))
    transfers, seconds = station.cost(reader.revive)
    assert isinstance(reader.poll(), OneCard)
    assert transfers <= 40
    assert seconds <= station.within(REVIVE_S)


def test_a_bus_that_fails_is_a_reader_failure_until_it_is_back(station: Promised, reader: Reader) -> None:
    reader.poll()
    station.tap.cut = True
    try:
        for work in (reader.poll, reader.revive):
            with pytest.raises(ReaderFailure):
                work()
    finally:
        station.tap.cut = False
    reader.revive()
    reader.poll()


def test_closed_it_has_switched_its_field_off(station: Promised, reader: Reader) -> None:
    reader.poll()
    assert station.tap.field_is_on
    reader.close()
    reader.close()
    assert not station.tap.field_is_on
    for work in (reader.poll, reader.revive):
        with pytest.raises(ReaderFailure):
            work()


def test_closed_with_a_broken_bus_it_raises_nothing(station: Promised, reader: Reader) -> None:
    reader.poll()
    station.tap.cut = True
    try:
        reader.close()
    finally:
        station.tap.cut = False
