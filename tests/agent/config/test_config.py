"""station.toml: the contract's example and defaults, the rule of every key, and every mistake at once."""

import re
from pathlib import Path
from typing import Any

import pytest
from config_files import LEAST, mistakes, slot

from agent.config import LARGEST_FILE, MASK, ConfigError, load, masked, parse
from agent.config.keys import HARDWARE, LOCKS, SECTIONS, SLOT
from agent.config.places import config_file
from agent.config.schema import MOST_TOLD, URL
from agent.config.settings import (
    Config,
    EventsSettings,
    MetricsSettings,
    MqttSettings,
    PolicySettings,
    StationSettings,
    SupplierSettings,
    WebSettings,
    WorkflowSettings,
)
from hardware.wiring import LightsWiring, ReaderWiring, SlotWiring, SolenoidWiring, Wiring


@pytest.fixture(autouse=True)
def no_state_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)


def test_the_example_says_exactly_what_the_defaults_are() -> None:
    assert load(config_file("station.toml")) == Config(
        station=StationSettings(id="ST-42", state_dir=Path("/var/lib/station-agent"), history_days=30),
        wiring=Wiring(
            reader=ReaderWiring(),
            lights=LightsWiring(),
            slots=(
                SlotWiring(number=1, lights=(8, 15), lock=SolenoidWiring(pin=17, sensor_pin=27)),
                SlotWiring(number=2, lights=(16, 23), lock=SolenoidWiring(pin=22, sensor_pin=23)),
            ),
        ),
        supplier=SupplierSettings(url="https://ev-power-supplier.com/api/v2"),
        policy=PolicySettings(),
        mqtt=MqttSettings(),
        events=EventsSettings(),
        workflow=WorkflowSettings(),
        web=WebSettings(),
        metrics=MetricsSettings(),
    )


def test_what_the_example_shows_commented_out_is_known_too() -> None:
    content = config_file("station.toml").read_text(encoding="utf-8")
    for key in ("release_pin = 21", "max_ma = 1500", 'colours = { blue = "#0000ff" }', "power_permit_pin = 12"):
        assert f"# {key}" in content
        content = content.replace(f"# {key}", key)
    config = parse(content.replace("# presence_pin", "presence_pin"), "example")
    assert config.wiring.release_pin == 21
    assert config.wiring.lights.max_ma == 1500
    assert config.wiring.lights.colours == {"blue": "#0000ff"}
    assert config.wiring.slots[0].power_permit_pin == 12
    assert config.wiring.slots[0].presence_pin == 16


def test_the_rgb_lights_that_the_example_shows_can_be_had() -> None:
    content = config_file("station.toml").read_text(encoding="utf-8")
    content = content.replace("# rgb_pins", "rgb_pins").replace('kind = "ws281x"', 'kind = "rgb"')
    assert parse(content, "example").wiring.lights.rgb_pins == {
        "main": (5, 6, 13),
        "1": (16, 19, 20),
        "2": (4, 24, 26),
    }


def test_the_example_names_every_key_there_is() -> None:
    content = config_file("station.toml").read_text(encoding="utf-8")
    sections = [*SECTIONS.values(), HARDWARE, SLOT, *LOCKS.values()]
    for key in {key for section in sections for key in section.rules}:
        assert re.search(rf"\b{key}\b", content), f"{key} is not in config/station.toml"


def test_the_simulated_station_differs_in_its_chips_and_its_supplier_only() -> None:
    simulated, example = load(config_file("simulated.toml")), load(config_file("station.toml"))
    assert simulated.wiring.kind == "simulated"
    assert simulated.wiring.slots == example.wiring.slots
    assert (simulated.policy, simulated.mqtt) == (example.policy, example.mqtt)


def test_three_things_have_no_default() -> None:
    assert parse(LEAST, "least").wiring.slots[0].lock == SolenoidWiring(pin=17)
    assert mistakes({}, content="") == (
        "station.id is missing: should be 1 to 64 of A-Z a-z 0-9 . _ - and neither . nor ..",
        f"supplier.url is missing: should be {URL.right}",
        "slots is missing: should be one [[slots]] for each slot",
    )


def test_systemd_says_where_the_state_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/one:/var/lib/two")
    assert parse(LEAST, "least").station.state_dir == Path("/var/lib/one")
    assert parse(LEAST, "least", {"station": {"state_dir": "/srv"}}).station.state_dir == Path("/srv")


def test_every_mistake_is_told_at_once_with_its_key() -> None:
    content = """
    sation = 1
    [station]
    id = "ST 42"
    histroy_days = 3
    [reader]
    reset_pin = 17
    [supplier]
    url = "http://example.com"
    token = "hush"
    [[slots]]
    number = 1
    lights = [5, 9]
    [slots.lock]
    pin = 17
    sensor_pin = 28
    [[slots]]
    number = 1
    lights = [16, 24]
    """
    with pytest.raises(ConfigError) as caught:
        parse(content, "bad.toml")
    assert str(caught.value).splitlines()[0] == "bad.toml:"
    assert str(caught.value).count("\n") == len(caught.value.lines)
    told = [re.split(r" = |: | is ", line)[0] for line in caught.value.lines]
    assert sorted(told) == [
        "sation",
        "slots[1].lights",
        "slots[1].lock.pin",
        "slots[1].lock.sensor_pin",
        "slots[2].lights",
        "slots[2].lock",
        "slots[2].number",
        "station.histroy_days",
        "station.id",
        "supplier.token",
        "supplier.url",
    ]
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({"sttion": {}}, "sttion is unknown: did you mean station?"),
        ({"lights": {"Brightnes": 1}}, "lights.Brightnes is unknown: did you mean brightness?"),
        ({"workflow": {"xyzzy": 1}}, "workflow.xyzzy is unknown: known here are where"),
        ({"slots": [slot(1, lok={})]}, "slots[1].lok is unknown: did you mean lock?"),
        ({"mqtt": {"password": "hush"}}, "mqtt.password is unknown: did you mean password_file?"),
        ({"station": {"x" * 50: 1}}, f"station.{'x' * 37}... is unknown: known here are id, state_dir, history_days"),
    ],
)
def test_an_unknown_key_is_refused_with_a_guess(overrides: dict[str, Any], expected: str) -> None:
    assert mistakes(overrides) == (expected,)


@pytest.mark.parametrize(
    ("section", "key", "bad"),
    [
        ("station", "id", ["", "a" * 65, "ST/42", "ST 42", "..", ".", "ST-42\n", 42]),
        ("station", "state_dir", ["state", "", "/a\nb", 1, "/" + "a" * 2000]),
        ("station", "history_days", [0, 3651, "30", 30.0, True]),
        ("hardware", "kind", ["raspberry", "", 1, []]),
        ("hardware", "release_pin", [28, -1, "21"]),
        ("reader", "spi_bus", [2, -1]),
        ("reader", "poll_interval_ms", [0, 5000]),
        ("lights", "kind", ["neopixel", {}]),
        ("lights", "brightness", [0, 1.1, float("nan"), "half", False]),
        ("lights", "pixels", [0, 10**30]),
        ("lights", "main", [[0], [7, 0], [-1, 7], [0, 7, 8], [0.0, 7.0], "0-7", [True, True], [0, 10_000]]),
        ("lights", "colours", [{"pink": "#ffffff"}, {"blue": "blue"}, {"blue": 255}, "blue"]),
        ("supplier", "request_timeout_s", [0, -1, 61, float("inf"), "5"]),
        ("supplier", "token_file", ["token", 5]),
        ("supplier", "insecure", ["yes", 1]),
        ("policy", "unpaid_release", ["keep", None]),
        ("policy", "retap_guard_s", [-0.1]),
        ("mqtt", "host", ["", "a b", "mqtt://x", "x:1883", "::::", "a" * 64]),
        ("mqtt", "port", [0, 65536, "1883"]),
        ("mqtt", "protocol", [3, 5.0, "5", True]),
        ("mqtt", "username", [1, "a\x00b"]),
        ("events", "source", ["", "a b", 5]),
        ("workflow", "where", ["cloud"]),
        ("web", "listen", ["8080", ":8080", "127.0.0.1:", "127.0.0.1:65536", "::1:80", "[::1]", "[a]:80", "a b:1"]),
        ("metrics", "listen", ["127.0.0.1:x", 9108]),
    ],
)
def test_a_wrong_value_is_told_with_its_key_and_what_would_be_right(section: str, key: str, bad: list[Any]) -> None:
    for value in bad:
        (line,) = mistakes({section: {key: value}})
        assert re.match(rf"{section}\.{key}( = .+)?: should be .", line), f"{value!r}: {line}"
        assert "\n" not in line


def test_a_number_too_large_to_be_printed_is_told_too() -> None:
    content = LEAST.replace("number = 1", f"number = 0x{'f' * 20_000}")
    assert mistakes({}, content)[0].startswith("slots[1].number = a number far too large: should be")


@pytest.mark.parametrize("section", [*SECTIONS, "hardware"])
def test_a_section_is_a_table(section: str) -> None:
    assert f"{section} = 5: should be a table, [{section}]" in mistakes({section: 5})


def test_overrides_are_laid_over_the_file_table_by_table() -> None:
    config = parse(LEAST, "least", {"supplier": {"driver_wait_s": 1}, "mqtt": {"port": 1884}})
    assert config.supplier == SupplierSettings(url="https://ev-power-supplier.com/api/v2", driver_wait_s=1.0)
    assert config.mqtt.port == 1884


def test_where_secrets_are_kept_is_masked_and_never_read() -> None:
    overrides = {"supplier": {"token_file": "/no/such/token"}, "mqtt": {"password_file": "/no/such/password"}}
    plain = masked(parse(LEAST, "least", overrides))
    assert plain["supplier"]["token_file"] == MASK
    assert plain["mqtt"]["password_file"] == MASK
    assert plain["web"]["token_file"] == ""
    assert plain["station"] == {"id": "ST-42", "state_dir": "/var/lib/station-agent", "history_days": 30}
    assert "/no/such" not in repr(plain)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("[station]\nid = x", "is no TOML: .*line 2"),
        ("a = " + "[" * 5000, "is nested too deeply"),
        ("a = " + "9" * 5000, "is no TOML"),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(content: str, expected: str) -> None:
    (line,) = mistakes({}, content)
    assert re.match(expected, line)


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    large, binary = tmp_path / "large.toml", tmp_path / "binary.toml"
    large.write_text("#" * (LARGEST_FILE + 1), encoding="ascii")
    binary.write_bytes(b"[station]\nid = '\xff'")
    for path, expected in [
        (tmp_path / "none.toml", "cannot be read: No such file or directory; name another file with --config"),
        (tmp_path, "cannot be read: Is a directory; name another file with --config"),
        (large, "is larger than 65536 bytes, so it is no station's config"),
        (binary, "is no UTF-8 text at byte 16; save it as UTF-8"),
    ]:
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert str(caught.value) == f"{path}:\n  {expected}"


def test_what_has_hundreds_of_mistakes_is_told_so() -> None:
    told = mistakes({"station": {f"x{number}": number for number in range(1000)}})
    assert len(told) == MOST_TOLD + 1
    assert told[-1] == f"and {1000 - MOST_TOLD} more mistakes; mend these first"
