"""The station as a service on a real kernel: its lgpio moves a lock on a GPIO chip, and the unit's limits hold."""

import pytest
from support.mqtt import eventually
from support.vm_site import LOCK, SENSOR, WAIT_S, Site

pytestmark = [pytest.mark.vm, pytest.mark.timeout(3600)]

CARD = "04A1B2C3D4E5F6"
GROUP = "/sys/fs/cgroup/system.slice/station-agent.service"


def test_a_tap_moves_the_bolt_and_its_sensor_is_read(site: Site) -> None:
    site.forget_edges()
    site.session(CARD)
    assert site.driven(LOCK) == ["set 1"]
    assert (site.level(LOCK), site.level(SENSOR)) == ("1", "0")
    assert site.driven(SENSOR) == []

    site.tap(CARD)
    site.waits("free")
    assert site.driven(LOCK) == ["set 1", "set 0"]
    assert (site.level(LOCK), site.level(SENSOR)) == ("0", "1")


def test_a_held_bolt_sees_no_edge_over_a_stop_or_a_kill(site: Site) -> None:
    session = site.session(CARD)
    site.forget_edges()

    site.machine.run("systemctl", "stop", "station-agent")
    assert (site.level(LOCK), site.driven(LOCK)) == ("1", [])
    site.machine.run("systemctl", "start", "station-agent")
    assert site.waits("charging")["session"] == session

    dead = site.shows("MainPID")
    site.machine.run("kill", "-KILL", dead)
    assert eventually(lambda: site.shows("MainPID") not in ("0", dead), WAIT_S)
    assert site.waits("charging")["session"] == session
    assert site.driven(LOCK) == ["set 1", "out"] * 2, "claimed twice, at the level that it had"
    assert site.level(LOCK) == "1"


def test_who_holds_a_line_is_named(site: Site) -> None:
    site.session(CARD)
    site.machine.run("systemctl", "stop", "station-agent")
    site.machine.run("systemd-run", "--unit=squatter", "gpioset", "--mode=signal", "gpiochip0", f"{LOCK}=1")
    try:
        assert eventually(lambda: "gpioset" in site.machine.run("gpioinfo"), WAIT_S)
        site.machine.run("systemctl", "start", "station-agent", check=False)
        told = f"GPIO{LOCK} is in use by 'gpioset': stop that program, or wire another pin"
        assert eventually(lambda: told in site.said(40), WAIT_S), site.said(40)
    finally:
        site.machine.run("systemctl", "stop", "squatter")
    site.waits("charging")


def test_the_unit_may_open_the_chip_and_no_other_device(site: Site) -> None:
    site.waits(site.slot()["status"])
    opened = "head -c 1 /dev/vda >/dev/null && echo disk; exec 3<>/dev/gpiochip0 && echo chip"
    assert site.machine.run("sh", "-c", opened).split() == ["disk", "chip"], "root may, anywhere else"
    told = site.machine.run("sh", "-c", f"echo $$ >{GROUP}/cgroup.procs; {opened}")
    assert "/dev/vda" in told
    assert "Operation not permitted" in told
    assert told.split()[-1] == "chip"
    assert "disk" not in told.split()


def test_a_leak_ends_in_a_start_and_the_bolt_stays(site: Site) -> None:
    session = site.session(CARD)
    leaking = site.shows("MainPID")
    site.forget_edges()
    site.machine.run("touch", "/run/station-agent/leak")
    assert eventually(lambda: site.shows("MainPID") not in ("0", leaking), WAIT_S), site.said(40)
    assert "oom-kill" in site.said(80)
    assert int(site.machine.run("cat", f"{GROUP}/memory.swap.max")) == 0
    assert site.waits("charging")["session"] == session
    assert set(site.driven(LOCK)) == {"out", "set 1"}
