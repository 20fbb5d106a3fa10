"""The watch over the real driver and the emulated chip: who is told when the chip fails, and what looking costs."""

from itertools import pairwise
from typing import Any

import pytest
from support.emulated_reader import LyingBus, ReaderBench
from support.owing import CARD, longest

from agent.clock import At
from agent.facts import CardTapped, Fact, FaultCleared, FaultRaised
from agent.watch import ReaderWatch
from hardware.emulated.cards import ReaderFault

POLL_S = 0.05
TX_CONTROL, ANTENNA_OFF = 0x14, 0x80


class ResetPin:
    """The wire to the chip's NRSTPD: a pulse takes all registers back, and what hung the chip."""

    def __init__(self, station: "Station") -> None:
        self.pulses: list[float] = []
        self._station = station

    def off(self) -> None:
        self.pulses.append(self._station.bench.clock.now)
        if self._station.bench.field.fault is None:
            self._station.bench.field.fault = ReaderFault.CHIP_RESET

    def on(self) -> None:
        self._station.hung = self._station.hung and not self._station.reset_helps


class HungBus(LyingBus):
    """While the chip hangs it answers, and nothing that is written arrives."""

    def __init__(self, station: "Station") -> None:
        super().__init__(station.bench.chip, lambda _: None)
        self._station = station

    def xfer2(self, values: list[int]) -> list[int]:
        is_write = not values[0] & 0x80
        return [0] * len(values) if self._station.hung and is_write else super().xfer2(values)


class Station:
    """A watched reader at an emulated chip with a reset line, that polls on time of its own."""

    def __init__(self) -> None:
        self.bench = ReaderBench()
        self.hung = False
        self.reset_helps = True
        self.pin = ResetPin(self)
        self.heard: list[tuple[float, type[Fact], dict[str, Any]]] = []
        self.steps = 0
        reader = self.bench.opened(HungBus(self), self.pin)
        moment = lambda seconds: At("boot-1", seconds, 0.0)  # noqa: E731  as short as it is used
        clock = self.bench.clock
        self.watch = ReaderWatch(reader, self.happen, moment, poll_s=POLL_S, clock=clock, uniform=longest)

    def happen(self, kind: type[Fact], **values: Any) -> None:
        self.heard.append((self.bench.clock.now, kind, values))

    def pass_(self, seconds: float) -> None:
        """Step as often as the watch asks for, for so long."""
        end = self.bench.clock.now + seconds
        while self.bench.clock.now < end:
            self.steps += 1
            wait = self.watch.step()
            self.bench.clock.now += wait

    def hang(self, *, reset_helps: bool) -> None:
        """The chip loses its settings and takes no new ones."""
        self.bench.field.fault = ReaderFault.CHIP_RESET
        self.hung, self.reset_helps = True, reset_helps

    def register(self, address: int) -> int:
        return self.bench.chip.transfer([0x80 | address << 1, 0])[1]

    def faults(self) -> list[type[Fact]]:
        return [kind for _, kind, _ in self.heard if kind in (FaultRaised, FaultCleared)]


@pytest.fixture
def station() -> Station:
    made = Station()
    made.pass_(2.0)
    assert made.faults() == [FaultCleared]
    made.heard.clear()
    return made


def lose_the_antenna(station: Station) -> None:
    station.bench.chip.transfer([TX_CONTROL << 1, ANTENNA_OFF])


def reset_the_chip(station: Station) -> None:
    station.bench.field.fault = ReaderFault.CHIP_RESET


class TestHealth:
    @pytest.mark.parametrize("lose", [lose_the_antenna, reset_the_chip])
    def test_what_a_chip_forgets_while_nobody_taps_is_back_within_seconds_and_nobody_is_told(
        self, station: Station, lose: Any
    ) -> None:
        lose(station)
        assert station.register(TX_CONTROL) == ANTENNA_OFF
        station.pass_(2.1)
        assert station.register(TX_CONTROL) & 3 == 3
        station.bench.field.place(CARD)
        station.pass_(0.2)
        assert [(kind, values) for _, kind, values in station.heard] == [(CardTapped, {"card": CARD})]
        assert station.pin.pulses == []

    @pytest.mark.parametrize("card", [None, CARD])
    def test_a_chip_that_takes_no_settings_is_pulsed_back_and_nobody_is_told(
        self, station: Station, card: str | None
    ) -> None:
        if card:
            station.bench.field.place(card)
            station.pass_(1.0)
            station.heard.clear()
        began = station.bench.clock.now
        station.hang(reset_helps=True)
        station.pass_(5.0)
        assert len(station.pin.pulses) == 1
        assert station.pin.pulses[0] - began < 2.5
        assert station.heard == []

    def test_one_that_no_reset_helps_is_told_within_5_s_tried_every_10_s_and_cleared_by_itself(
        self, station: Station
    ) -> None:
        began = station.bench.clock.now
        station.hang(reset_helps=False)
        station.pass_(60.0)
        assert station.faults() == [FaultRaised]
        told, _, fault = station.heard[-1]
        assert told - began < 5.0
        assert fault["code"] == "ReaderFailure"
        assert len(station.pin.pulses) > 6
        assert all(later - earlier < 10.0 for earlier, later in pairwise(station.pin.pulses))
        assert station.pin.pulses[-1] - station.pin.pulses[-2] > 5.0

        station.hung = False
        station.pass_(12.0)
        assert station.faults() == [FaultRaised, FaultCleared]
        station.bench.field.place(CARD)
        station.pass_(0.2)
        assert station.heard[-1][1] is CardTapped

    @pytest.mark.parametrize("fault", [ReaderFault.ABSENT, ReaderFault.ABSENT_FF, ReaderFault.BUS_ERROR])
    def test_a_bus_that_is_dead_is_told_and_cleared(self, station: Station, fault: ReaderFault) -> None:
        began = station.bench.clock.now
        station.bench.field.fault = fault
        station.pass_(30.0)
        assert station.faults() == [FaultRaised]
        assert station.heard[-1][0] - began < 5.0
        station.bench.field.fault = None
        station.pass_(12.0)
        assert station.faults() == [FaultRaised, FaultCleared]


class TestBudget:
    """Counted over ten seconds, health checks included."""

    @pytest.mark.parametrize(("card", "most"), [(None, 20), ("DEADBEEF", 120), (CARD, 120), (CARD + "010203", 120)])
    def test_transfers_a_poll_and_polls_a_second(self, station: Station, card: str | None, most: int) -> None:
        if card:
            station.bench.field.place(card)
        station.pass_(1.0)
        station.steps, before = 0, station.bench.chip.transfers
        station.pass_(10.0)
        assert 199 <= station.steps <= 201
        assert (station.bench.chip.transfers - before) / station.steps <= most

    def test_an_idle_reader_wakes_up_twice_a_poll_at_most(self, station: Station) -> None:
        """To poll, and for the answer that does not come."""
        station.steps = station.bench.clock.naps = 0
        station.pass_(10.0)
        assert station.bench.clock.naps + station.steps <= 2 * 201
