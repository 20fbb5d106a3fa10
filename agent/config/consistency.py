"""What must hold between the values of `station.toml`: pins, pixels and addresses.

Works on what is known: a file with mistakes is looked at as far as it can be, so that all of them are told at once.
A value that is missing from `known` has already been complained about.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from agent.config.address import host_and_port, is_loopback
from agent.config.credentials import CLIENT_KEYS, WEB_KEY, WEB_TOKEN, credential
from agent.config.lights import check_lights, pins_of_lights
from agent.config.schema import Mistakes, shown
from hardware.header import I2C, SPI, UART

Known = Mapping[str, Any]

# the two channels of the PWM block, each on two lines
PWM_PINS = (12, 13, 18, 19)


def check(known: Known, mistakes: Mistakes) -> None:
    """Adds every contradiction between the values that are `known`, by section; `slots` is a list of sections."""
    _check_slot_numbers(known, mistakes)
    _check_pins(known, mistakes)
    _check_spi_device(known["reader"], mistakes)
    _check_hold(known, mistakes)
    check_lights(known["lights"], list(_slots(known)), mistakes)
    _check_supplier(known["supplier"], mistakes)
    _check_mqtt(known["mqtt"], mistakes)
    _check_web(known["web"], mistakes)
    _check_metrics(known, mistakes)
    _check_pairs(known, mistakes)


def _slots(known: Known) -> Iterator[tuple[str, Known]]:
    return ((f"slots[{place}]", slot) for place, slot in enumerate(known["slots"], start=1))


def _check_slot_numbers(known: Known, mistakes: Mistakes) -> None:
    seen: dict[int, str] = {}
    for key, slot in _slots(known):
        if "number" in slot and seen.setdefault(slot["number"], key) != key:
            first = seen[slot["number"]]
            mistakes.add(f"{key}.number", f" = {slot['number']}: {first} has this number; should be one of its own")


def _used_pins(known: Known) -> Iterator[tuple[str, int]]:
    """Every line that the file gives to something, the lights' and the reader's first."""
    yield from pins_of_lights(known["lights"])
    sections = [("reader", known["reader"]), ("hardware", known["hardware"])]
    for key, slot in _slots(known):
        sections += [(key, slot), (f"{key}.lock", slot.get("lock", {}))]
    for key, section in sections:
        for name, value in section.items():
            if (name == "pin" or name.endswith("_pin")) and value is not None:
                yield f"{key}.{name}", value


def _check_pins(known: Known, mistakes: Mistakes) -> None:
    spi = SPI[known["reader"].get("spi_bus", 0)]
    taken = dict.fromkeys(spi.lines, "the card reader's SPI bus")
    taken |= dict.fromkeys(UART, "the UART") | dict.fromkeys(I2C, "I2C")
    for key, pin in _used_pins(known):
        owner = taken.setdefault(pin, key)
        if owner != key:
            mistakes.add(key, f" = {pin}: is taken by {owner}; should be a line of its own")


def _check_spi_device(reader: Known, mistakes: Mistakes) -> None:
    if "spi_bus" not in reader or "spi_device" not in reader:
        return
    bus, device = reader["spi_bus"], reader["spi_device"]
    devices = len(SPI[bus].selects)
    if device >= devices:
        mistakes.add(
            "reader.spi_device", f" = {device}: bus {bus} has no such chip select; should be 0 to {devices - 1}"
        )


def _check_hold(known: Known, mistakes: Mistakes) -> None:
    for slot_key, slot in _slots(known):
        lock = slot.get("lock", {})
        if "pin" not in lock or lock.get("hold_duty", 1.0) >= 1.0:
            continue
        key, start = f"{slot_key}.lock.hold_duty", f" = {lock['hold_duty']}: "
        if lock["pin"] not in PWM_PINS:
            listed = ", ".join(map(str, PWM_PINS))
            mistakes.add(
                key,
                f"{start}pin {lock['pin']} has no hardware PWM, and software PWM stops with the program and lets go; "
                f"should be 1.0, or the lock's pin one of {listed}",
            )
        elif _strip_takes_pwm(known):
            # rpi_ws281x sets up both channels and their clock anew: the strip's data would go to the coil
            mistakes.add(
                key,
                f"{start}the strip on pin {known['lights']['pin']} takes the whole PWM block; "
                f"should be 1.0, or lights.pin 21",
            )


def _strip_takes_pwm(known: Known) -> bool:
    lights = known["lights"]
    on_metal = known["hardware"].get("kind") == "raspberry-pi"
    return on_metal and lights.get("kind") == "ws281x" and lights.get("pin") in PWM_PINS


def _check_supplier(supplier: Known, mistakes: Mistakes) -> None:
    if "url" not in supplier or supplier.get("insecure", True):
        return
    url = urlsplit(supplier["url"])
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        mistakes.add(
            "supplier.url",
            ": http:// to another machine can be read and changed by anybody on the way; "
            "should be https://, or insecure = true said beside it",
        )


def _check_mqtt(mqtt: Known, mistakes: Mistakes) -> None:
    if "host" not in mqtt or "tls" not in mqtt or mqtt["tls"]:
        return
    if not mqtt.get("insecure", True) and not is_loopback(mqtt["host"]):
        mistakes.add(
            "mqtt.tls",
            " = false: a broker on another machine would get the password and every card in clear; "
            "should be true, or insecure = true said beside it",
        )
    for name in ("ca_file", "client_cert_file"):
        if mqtt.get(name):
            mistakes.add(f"mqtt.{name}", ": has no effect without TLS; should come with tls = true")


def _check_web(web: Known, mistakes: Mistakes) -> None:
    if not web.get("listen") or is_loopback(host_and_port(web["listen"])[0]):
        return
    for name, handed_over in (("cert_file", ""), ("key_file", WEB_KEY), ("token_file", WEB_TOKEN)):
        if web.get(name) == "" and not (handed_over and credential(handed_over)):
            mistakes.add(
                f"web.{name}", " is missing: the page is open to other machines, so all three files are needed"
            )


def _check_metrics(known: Known, mistakes: Mistakes) -> None:
    listen = known["metrics"].get("listen")
    if listen and listen == known["web"].get("listen") and host_and_port(listen)[1]:
        mistakes.add("metrics.listen", f" = {shown(listen)}: the station page listens there; should be another port")


def _check_pairs(known: Known, mistakes: Mistakes) -> None:
    for section in ("supplier", "mqtt"):
        cert, key = (known[section].get(name) for name in ("client_cert_file", "client_key_file"))
        if cert and key == "" and credential(CLIENT_KEYS[section]):
            continue
        if None not in {cert, key} and bool(cert) != bool(key):
            name = "client_key_file" if cert else "client_cert_file"
            mistakes.add(f"{section}.{name}", " is missing: a client certificate and its key go together")
