"""What must hold between the values of station.toml."""

from typing import Any

import pytest
from config_files import LEAST, mistakes, slot

from agent.config import parse
from hardware.wiring import MotorWiring, SolenoidWiring


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        ([], "slots is missing: should be one [[slots]] for each slot"),
        ({}, "slots is missing: should be one [[slots]] for each slot"),
        ([1], "slots[1] = 1: should be a table, [slots[1]]"),
        ([slot(1) | {"lock": 1}], "slots[1].lock = 1: should be a table, [slots[1].lock]"),
        ([slot(1), slot(2) | {"number": 1}], "slots[2].number = 1: slots[1] has this number; should be one of its own"),
        ([slot(-1) | {"lights": [8, 9]}], "slots[1].number = -1: should be a whole number from 1 to 9999"),
    ],
)
def test_slots_are_tables_with_numbers_of_their_own(slots: object, expected: str) -> None:
    assert expected in mistakes({"slots": slots})


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({"slots": [slot(lock={"pin": 9})]}, "slots[1].lock.pin = 9: is taken by the card reader's SPI bus"),
        ({"slots": [slot(lock={"pin": 25})]}, "slots[1].lock.pin = 25: is taken by reader.reset_pin"),
        ({"slots": [slot(lock={"pin": 18})]}, "slots[1].lock.pin = 18: is taken by lights.pin"),
        ({"slots": [slot(presence_pin=15)]}, "slots[1].presence_pin = 15: is taken by the UART"),
        ({"slots": [slot(power_permit_pin=3)]}, "slots[1].power_permit_pin = 3: is taken by I2C"),
        ({"slots": [slot(), slot(2, lock={"pin": 17})]}, "slots[2].lock.pin = 17: is taken by slots[1].lock.pin"),
        (
            {"slots": [slot(lock={"pin": 17, "sensor_pin": 17})]},
            "slots[1].lock.sensor_pin = 17: is taken by slots[1].lock.pin",
        ),
        ({"hardware": {"release_pin": 17}}, "slots[1].lock.pin = 17: is taken by hardware.release_pin"),
        (
            {"reader": {"spi_bus": 1}, "lights": {"pin": 12}},
            "slots[1].lock.pin = 17: is taken by the card reader's SPI bus",
        ),
    ],
)
def test_no_line_is_used_twice(overrides: dict[str, Any], expected: str) -> None:
    assert mistakes(overrides) == (f"{expected}; should be a line of its own",)


@pytest.mark.parametrize("pin", [2, 3, 7, 8, 9, 10, 11, 14, 15, 18, 25])
def test_lines_that_are_spoken_for_are_no_locks(pin: int) -> None:
    (line,) = mistakes({"slots": [slot(lock={"pin": pin})]})
    assert line.startswith(f"slots[1].lock.pin = {pin}: is taken by ")


@pytest.mark.parametrize(("bus", "device", "last"), [(0, 2, 1)])
def test_a_bus_has_so_many_chip_selects(bus: int, device: int, last: int) -> None:
    wanted = f"reader.spi_device = {device}: bus {bus} has no such chip select; should be 0 to {last}"
    assert mistakes({"reader": {"spi_bus": bus, "spi_device": device}}) == (wanted,)
    reader = parse(LEAST, "least", {"reader": {"spi_bus": bus, "spi_device": last}}).wiring.reader
    assert reader.spi_device == last


def test_lights_of_no_kind_take_no_line() -> None:
    overrides = {"lights": {"kind": "none"}, "slots": [slot(lock={"pin": 18})]}
    assert parse(LEAST, "least", overrides).wiring.lights.kind == "none"


def test_a_strip_needs_a_clocked_line() -> None:
    told = mistakes({"lights": {"pin": 24}})
    assert told == ("lights.pin = 24: cannot clock a ws281x strip; should be one of 12, 13, 18, 19, 21",)


def test_a_wrong_pin_is_not_told_twice() -> None:
    assert mistakes({"lights": {"pin": 99}}) == ("lights.pin = 99: should be a whole number from 0 to 27",)


@pytest.mark.parametrize(
    ("lights", "slots", "expected"),
    [
        ({"main": [0, 8]}, [slot()], "slots[1].lights = [8, 15]: overlaps lights.main = [0, 8]"),
        (
            {},
            [slot(), slot(2, lights=[15, 20], lock={"pin": 22})],
            "slots[2].lights = [15, 20]: overlaps slots[1].lights = [8, 15]",
        ),
        ({"pixels": 12}, [slot()], "slots[1].lights = [8, 15]: the last pixel of lights.pixels = 12 is 11"),
        ({"pixels": 7}, [slot(lights=[3, 4])], "lights.main = [0, 7]: the last pixel of lights.pixels = 7 is 6"),
    ],
)
def test_each_light_has_pixels_of_its_own(lights: dict[str, Any], slots: list[Any], expected: str) -> None:
    (line,) = mistakes({"lights": lights, "slots": slots})
    assert line.startswith(expected)


def test_of_one_value_only_the_first_mistake_is_told() -> None:
    (line,) = mistakes({"slots": [slot(), slot(2, lights=[0, 15], lock={"pin": 22})]})
    assert line.startswith("slots[2].lights = [0, 15]: overlaps lights.main = [0, 7]")


def test_a_secret_in_the_place_of_its_file_is_not_repeated() -> None:
    (line,) = mistakes({"supplier": {"token_file": "hush"}})
    assert "hush" not in line


def test_a_softened_hold_needs_hardware_pwm() -> None:
    (line,) = mistakes({"slots": [slot(lock={"pin": 17, "hold_duty": 0.4})]})
    assert line.startswith("slots[1].lock.hold_duty = 0.4: pin 17 has no hardware PWM")
    overrides = {"lights": {"pin": 21}, "slots": [slot(lock={"pin": 13, "hold_duty": 0.4})]}
    assert parse(LEAST, "least", overrides).wiring.slots[0].lock == SolenoidWiring(pin=13, hold_duty=0.4)


@pytest.mark.parametrize(
    ("kind", "lights", "refused"),
    [
        ("raspberry-pi", {"pin": 18}, True),
        ("raspberry-pi", {"pin": 21}, False),
        ("raspberry-pi", {"kind": "none"}, False),
        ("simulated", {"pin": 18}, False),
    ],
)
def test_a_strip_and_a_coil_cannot_share_the_pwm_block(kind: str, lights: dict[str, Any], refused: bool) -> None:
    overrides = {
        "hardware": {"kind": kind},
        "lights": lights,
        "slots": [slot(lock={"pin": 13, "hold_duty": 0.4})],
    }
    if not refused:
        assert parse(LEAST, "least", overrides).wiring.slots[0].lock.attempts == 3
        return
    (line,) = mistakes(overrides)
    assert line.startswith("slots[1].lock.hold_duty = 0.4: the strip on pin 18 takes the whole PWM block; should be ")


@pytest.mark.parametrize(
    "lock",
    [
        {"kind": "fail-secure", "pin": 17},
        {"kind": "strike", "pin": 17},
        {"kind": "solenoid", "power": "unlocks", "pin": 17},
    ],
)
def test_a_fail_secure_solenoid_is_refused_with_the_reason(lock: dict[str, Any]) -> None:
    (line,) = mistakes({"slots": [slot(lock=lock)]})
    assert line.startswith("slots[1].lock: a fail-secure solenoid (power opens it) cannot keep a free slot open; ")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com",
        "https://",
        "https://user:hush" + "@example.com",
        "https://example.com/?token=hush",
        "https://example.com/#top",
        "https://example.com:0",
        "https://example.com:99999",
        "https://[::1",
        "https://exa mple.com",
        "https://ex\u00e4mple.com",
        "https:\\\\example.com",
        "example.com",
        "https://" + "a" * 2000,
        5,
    ],
)
def test_a_supplier_is_an_http_address_without_secrets(url: object) -> None:
    (line,) = mistakes({"supplier": {"url": url}})
    assert line.startswith('supplier.url: should be like "https://')
    assert "hush" not in line


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/api", "http://localhost", "http://[::1]:80", "https://a.example/"]
)
def test_a_supplier_on_this_machine_or_behind_tls_is_fine(url: str) -> None:
    assert parse(LEAST, "least", {"supplier": {"url": url}}).supplier.url == url.rstrip("/")


def test_a_supplier_in_clear_has_to_be_asked_for() -> None:
    (line,) = mistakes({"supplier": {"url": "http://10.0.0.1"}})
    assert line.startswith("supplier.url: http:// to another machine")
    overrides = {"supplier": {"url": "http://10.0.0.1", "insecure": True}}
    assert parse(LEAST, "least", overrides).supplier.url == "http://10.0.0.1"


@pytest.mark.parametrize(
    ("mqtt", "tls"),
    [
        ({}, False),
        ({"host": "localhost"}, False),
        ({"host": "::1"}, False),
        ({"host": "broker.example"}, True),
        ({"host": "10.0.0.1"}, True),
        ({"tls": True}, True),
        ({"host": "10.0.0.1", "tls": False, "insecure": True}, False),
    ],
)
def test_tls_to_the_broker_is_the_default_everywhere_but_on_this_machine(mqtt: dict[str, Any], tls: bool) -> None:
    assert parse(LEAST, "least", {"mqtt": mqtt}).mqtt.tls is tls


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({"mqtt": {"host": "broker.example", "tls": False}}, "mqtt.tls = false: a broker on another machine"),
        ({"mqtt": {"ca_file": "/ca.pem"}}, "mqtt.ca_file: has no effect without TLS"),
        ({"mqtt": {"client_cert_file": "/c", "tls": True}}, "mqtt.client_key_file is missing: a client certificate"),
        ({"supplier": {"client_key_file": "/k"}}, "supplier.client_cert_file is missing: a client certificate"),
    ],
)
def test_what_would_travel_unprotected_is_refused(overrides: dict[str, Any], expected: str) -> None:
    (line,) = mistakes(overrides)
    assert line.startswith(expected)


def test_a_page_open_to_others_needs_its_files() -> None:
    told = mistakes({"web": {"listen": "0.0.0.0:8080", "key_file": "/k"}})
    assert [line.partition(" ")[0] for line in told] == ["web.cert_file", "web.token_file"]
    assert parse(LEAST, "station.toml", {"web": {"listen": "[::1]:8080"}}).web.listen == "[::1]:8080"


def test_page_and_metrics_need_a_port_each() -> None:
    both = {"web": {"listen": "127.0.0.1:8080"}, "metrics": {"listen": "127.0.0.1:8080"}}
    told = mistakes(both)
    assert 'metrics.listen = "127.0.0.1:8080": the station page listens there; should be another port' in told


def test_a_motor_lock_is_read() -> None:
    motor = {"kind": "motor", "lock_pin": 17, "unlock_pin": 22, "pulse_ms": 200}
    config = parse(LEAST, "least", {"slots": [slot(lock=motor)]})
    assert config.wiring.slots[0].lock == MotorWiring(lock_pin=17, unlock_pin=22, pulse_ms=200)
