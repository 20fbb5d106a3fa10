"""Every key that `station.toml` may have, with the rule of its value (contract section 2)."""

from agent.config import schema, settings
from agent.config.schema import FILE, FLAG, HOST, LISTEN, SPAN, URL, Rule, Section, choice, pattern, real, text, whole
from hardware import wiring
from hardware.looks import Colour
from hardware.strips.frames import PIXELS_AT_MOST

PIN = whole(0, schema.HIGHEST_PIN)
LEVEL = choice("low", "high")
COLOURS = schema.mapping(
    'colours like { blue = "#0000ff" }, of blue, white and red',
    tuple(Colour),
    pattern("#rrggbb", "#[0-9A-Fa-f]{6}"),
)
RGB_PINS = Rule("three lines of each light, like { main = [5, 6, 13], 1 = [16, 19, 20] }", schema.rgb_pins)
SENSOR: dict[str, Rule] = {
    "sensor_pin": PIN,
    "sensor_locked": LEVEL,
    "move_timeout_ms": whole(50, 10_000),
    "attempts": whole(1, 10),
}
# a coil's pull-in and a motor's pulse are bounded by what the parts bear: HARTING 61 13 213 allows 3 s at most
LOCKS = {
    "solenoid": Section(
        wiring.SolenoidWiring,
        {
            "kind": choice("solenoid", "motor"),
            "pin": PIN,
            "hold_duty": real(0.1, 1.0),
            "pull_in_ms": whole(1, 2000),
            **SENSOR,
        },
    ),
    "motor": Section(
        wiring.MotorWiring,
        {
            "kind": choice("solenoid", "motor"),
            "lock_pin": PIN,
            "unlock_pin": PIN,
            "pulse_ms": whole(10, 3000),
            **SENSOR,
        },
    ),
}
SLOT = Section(
    wiring.SlotWiring,
    {"number": whole(1, 9999), "lights": SPAN, "presence_pin": PIN, "power_permit_pin": PIN},
)
HARDWARE = Section(wiring.Wiring, {"kind": choice("raspberry-pi", "simulated"), "release_pin": PIN})
TLS_FILES = dict.fromkeys(("ca_file", "client_cert_file", "client_key_file"), FILE)
SECTIONS = {
    "station": Section(
        settings.StationSettings,
        {
            # "." and ".." would be lost from a URL (RFC 3986 section 5.2.4)
            "id": pattern("1 to 64 of A-Z a-z 0-9 . _ - and neither . nor ..", r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}"),
            "state_dir": Rule('the whole path of a folder, like "/var/lib/station-agent"', schema.folder),
            "history_days": whole(1, 3650),
        },
    ),
    "reader": Section(
        wiring.ReaderWiring,
        {
            "spi_bus": whole(0, 1),
            "spi_device": whole(0, 2),
            "reset_pin": PIN,
            "poll_interval_ms": whole(10, 1000),
        },
    ),
    "lights": Section(
        wiring.LightsWiring,
        {
            "kind": choice("ws281x", "pio", "rgb", "none"),
            "socket": FILE,
            "pin": PIN,
            "pixels": whole(1, PIXELS_AT_MOST),
            "main": SPAN,
            "brightness": real(0.01, 1.0),
            "max_ma": whole(50, 20_000),
            "rgb_pins": RGB_PINS,
            "colours": COLOURS,
        },
    ),
    "supplier": Section(
        settings.SupplierSettings,
        {
            "url": URL,
            **TLS_FILES,
            "token_file": FILE,
            "request_timeout_s": real(0.05, 60),
            "driver_wait_s": real(0.05, 30),
            "insecure": FLAG,
        },
    ),
    "policy": Section(
        settings.PolicySettings,
        {
            "offline_start": choice("deny", "known-cards"),
            "known_days": whole(1, 3650),
            "unpaid_release": choice("release", "hold"),
            "retap_guard_s": real(0, 60),
        },
    ),
    "mqtt": Section(
        settings.MqttSettings,
        {
            "host": HOST,
            "port": whole(1, 65535),
            "tls": FLAG,
            "username": text("a name, or empty", lambda _name: True, private=True),
            "password_file": FILE,
            **TLS_FILES,
            "insecure": FLAG,
            "protocol": choice(4, 5),
            "remote_cards": FLAG,
        },
    ),
    "events": Section(
        settings.EventsSettings,
        {"source": pattern("a URI, like https://ev-power-supplier.com", r"[!-~]{1,256}"), "triggers": FLAG},
    ),
    "workflow": Section(settings.WorkflowSettings, {"where": choice("local", "supplier")}),
    "web": Section(
        settings.WebSettings,
        {"listen": LISTEN, "cert_file": FILE, "key_file": FILE, "token_file": FILE},
    ),
    "metrics": Section(settings.MetricsSettings, {"listen": LISTEN}),
}
