"""The light comes first: before the supplier hears of a tap, whatever the network does."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from support.bench import CARD, DARK, MAIN, WHITE, Bench

from agent.clock import boottime

Benches = Callable[..., Bench]


class Silent:
    """A supplier that takes every request and never answers; `heard_at` is when the first byte came."""

    def __init__(self) -> None:
        self.heard_at: list[float] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lines: list[socket.socket] = []
        self._thread = threading.Thread(target=self._run, name="silent-supplier")
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/api/v2"

    def _run(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            self._lines.append(line)
            line.recv(1)
            self.heard_at.append(boottime())

    @contextmanager
    def listening(self) -> Iterator["Silent"]:
        self._thread.start()
        yield self
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        for line in self._lines:
            line.close()


def whites(bench: Bench, known: int) -> list[float]:
    """When the main light was white, since this many frames were known."""
    return [at for at, pixels in bench.frames[known:] if pixels[MAIN] == WHITE]


def test_the_white_light_is_shown_before_the_first_byte_leaves_for_the_supplier(benches: Benches) -> None:
    with Silent().listening() as supplier:
        bench = benches(url=supplier.url, driver_wait_s=0.5)
        shown = []
        for _ in range(2):
            supplier.heard_at.clear()
            known = len(bench.frames)
            bench.tap()
            bench.wait(lambda: supplier.heard_at)
            bench.wait(lambda known=known: whites(bench, known))
            shown.append((whites(bench, known)[0], supplier.heard_at[0]))
            bench.wait(lambda: bench.state()["mainLight"] == "off")
        assert all(white < heard for white, heard in shown)


def test_a_driver_who_waits_sees_the_light_breathe(benches: Benches) -> None:
    bench = benches(driver_wait_s=20, request_timeout_s=25)
    bench.supplier.inject("supplier-slow", {"calls": ["ask"], "seconds": 30})
    bench.tap()
    bench.wait(lambda: bench.state()["mainLight"] == "white breathing")
    bench.wait(lambda: bench.pixels(MAIN) not in (WHITE, DARK))
    bench.supplier.clear("supplier-slow")
    bench.wait(lambda: bench.once("session-started"))
    bench.wait(lambda: bench.state()["mainLight"] == "off")


def test_broken_lights_never_stop_a_session(bench: Bench) -> None:
    bench.world.set_fault("lights-dead", True)
    bench.tap()
    bench.wait(lambda: bench.once("session-started"))
    bench.wait(lambda: bench.faults() == ["LightsFailure"])
    (fault,) = bench.state()["faults"]
    assert (fault["severity"], fault["scope"], fault["origin"]) == ("warning", "station", "station")
    bench.wait(lambda: bench.state()["available"])
    bench.tap()
    bench.wait(lambda: bench.once("session-ended"))
    bench.world.set_fault("lights-dead", False)
    bench.wait(lambda: bench.faults() == [])
    bench.settled()
    assert bench.acts("support") == [], "a warning runs none of the document's handleError"
    assert bench.once("out-of-order") == bench.once("back-in-service") == []
    assert [data["error"]["code"] for data in bench.once("faulted")] == ["LightsFailure"]
    bench.tap(CARD)
    bench.wait(lambda: bench.pixels(8) == (0, 0, 128))


RGB = """
kind = "rgb"
rgb_pins = { main = [5, 6, 13], 1 = [19, 20, 24], 2 = [4, 18, 26] }
"""


def test_a_station_with_an_led_for_each_light(benches: Benches) -> None:
    bench = benches(lights=RGB)
    seen = len(bench.lines)
    bench.start_session()
    main = ("5", "6", "13")
    assert any(all(lines.get(pin) for pin in main) for lines in bench.lines[seen:]), "white as the card was read"
    bench.wait(lambda: [bench.lines[-1].get(pin) for pin in ("19", "20", "24", *main)] == [0, 0, 1, 0, 0, 0])
    assert bench.faults() == []


def test_a_station_with_the_strip_of_a_five(benches: Benches) -> None:
    bench = benches(lights='kind = "pio"\nbrightness = 0.2\ncolours = { blue = "#00ff80" }')
    bench.start_session()
    bench.wait(lambda: bench.pixels(8) == (0, 51, 26))
    bench.world.set_fault("lights-dead", True)
    bench.tap()
    bench.wait(lambda: bench.faults() == ["LightsFailure"])
    (fault,) = bench.state()["faults"]
    assert fault["detail"] == "Sessions go on without lights: /dev/leds0 took no frame: [Errno 5] Input/output error."
    bench.world.set_fault("lights-dead", False)
    bench.wait(lambda: bench.faults() == [])


def test_lights_that_were_mended_while_the_station_was_off_are_well(bench: Bench) -> None:
    bench.world.set_fault("lights-dead", True)
    bench.start_session()
    bench.wait(lambda: bench.faults() == ["LightsFailure"])
    bench.kill()
    bench.world.set_fault("lights-dead", False)
    bench.start()
    bench.wait(lambda: bench.faults() == [])
