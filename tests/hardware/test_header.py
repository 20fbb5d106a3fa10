"""The 40-pin header, against the pinout as it is printed on every poster."""

from hardware.header import GROUNDS, HEADER, I2C, PADS, SPI, UART

PINOUT = """
3V3 5V / GPIO2 5V / GPIO3 GND / GPIO4 GPIO14 / GND GPIO15 / GPIO17 GPIO18 / GPIO27 GND / GPIO22 GPIO23 / 3V3 GPIO24 /
GPIO10 GND / GPIO9 GPIO25 / GPIO11 GPIO8 / GND GPIO7 / GPIO0 GPIO1 / GPIO5 GND / GPIO6 GPIO12 / GPIO13 GND /
GPIO19 GPIO16 / GPIO26 GPIO20 / GND GPIO21
"""


def test_every_pad_is_where_the_pinout_has_it() -> None:
    rows = [row.split() for row in PINOUT.split("/")]
    assert [pad.name for pad in HEADER] == [name for row in rows for name in row]
    assert [pad.number for pad in HEADER] == list(range(1, 41))


def test_a_few_that_everybody_knows() -> None:
    places = {bcm: pad.number for bcm, pad in PADS.items()}
    assert sorted(places) == list(range(28))
    known = {2: 3, 4: 7, 14: 8, 17: 11, 18: 12, 27: 13, 22: 15, 25: 22, 7: 26, 12: 32, 16: 36, 21: 40}
    assert {bcm: places[bcm] for bcm in known} == known
    assert [pad.number for pad in GROUNDS] == [6, 9, 14, 20, 25, 30, 34, 39]


def test_the_buses_have_lines_of_their_own() -> None:
    assert sorted(SPI[0].lines) == [7, 8, 9, 10, 11]
    assert sorted(SPI[1].lines) == [16, 17, 18, 19, 20, 21]
    assert [PADS[bcm].number for bcm in (*I2C, *UART)] == [3, 5, 8, 10]
