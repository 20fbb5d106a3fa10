"""The simulated station's own broker, as real processes."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.mailbox import Box
from support.mqtt import Listener, eventually, free_port

from agent.broker import Broker
from agent.broker.mail import Incoming
from agent.clock import Clock
from agent.config.settings import MqttSettings
from agent.simulator import broker as room
from agent.simulator.broker import Kind, SimulatedBroker, SimulatedBrokerError

ROOT = Path(__file__).resolve().parents[3]
TOPIC = "stations/ST-42/events/x"
PROGRAM = """
import sys
from pathlib import Path
from agent.simulator.broker import SimulatedBroker
broker = SimulatedBroker(Path(sys.argv[1]), 0)
broker.start()
print(broker.port, broker._process.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[Callable[..., SimulatedBroker]]:
    made: list[SimulatedBroker] = []

    def make(port: int = 0, *, step_over: bool = True, kind: Kind | None = None) -> SimulatedBroker:
        made.append(SimulatedBroker(tmp_path / "the broker", port, step_over, kind))
        return made[-1]

    yield make
    for each in made:
        each.stop()
        each.stop()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("broker-keeper")]


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


@pytest.mark.parametrize(("kind", "protocol"), [("mosquitto", 5), ("amqtt", 4)])
def test_a_station_talks_over_either_broker(brokers: Callable[..., SimulatedBroker], kind: Kind, protocol: int) -> None:
    simulated = brokers(kind=kind)
    simulated.start()
    assert (simulated.kind, simulated.protocol) == (kind, protocol)
    box, came = Box(), list[Incoming]()
    settings = MqttSettings(port=simulated.port, protocol=simulated.protocol)
    line = Broker(settings, "ST-42", box, came.append, version="1", boot_id="b", clock=Clock())
    line.start()
    try:
        assert eventually(lambda: line.connection().reachable)
        with Listener(simulated.port, "stations/ST-42/#", protocol=protocol) as listener:
            box.put(*range(30), topic=TOPIC)
            line.wake()
            assert eventually(lambda: box.owed == 0)
            listener.wait_for(lambda _: len(listener.payloads(TOPIC)) == 30)
            assert listener.payloads(TOPIC) == [str(n).encode() for n in range(30)]
            line.publish_state(b"state")
            listener.wait_for(lambda heard: heard[-1].payload == b"state")
            listener.publish("stations/ST-42/inbox", b"hello")
            assert eventually(lambda: [each.payload for each in came] == [b"hello"])
            line.acknowledge(came[0].token)
            line.stop()
            listener.wait_for(lambda heard: b"offline" in heard[-1].payload)
    finally:
        line.stop()


def test_down_and_up_again_on_the_same_port_with_what_it_kept(brokers: Callable[..., SimulatedBroker]) -> None:
    simulated = brokers(kind="mosquitto")
    simulated.start()
    port = simulated.port
    with Listener(port) as listener:
        listener.publish("kept", b"1", retain=True)
    simulated.down()
    simulated.down()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port))
    simulated.up()
    simulated.up()
    assert simulated.port == port
    with Listener(port, "kept") as listener:
        listener.wait_for(lambda heard: [each.payload for each in heard] == [b"1"])


def test_a_broker_started_from_a_passing_thread_stays(brokers: Callable[..., SimulatedBroker]) -> None:
    simulated = brokers(kind="mosquitto")
    starter = threading.Thread(target=simulated.start)
    starter.start()
    starter.join()
    with Listener(simulated.port):
        assert simulated._process is not None
        assert simulated._process.poll() is None


def test_a_taken_port_is_stepped_over(brokers: Callable[..., SimulatedBroker]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        stepped = brokers(taken)
        stepped.start()
        assert taken < stepped.port < taken + room.STEPS
        stepped.stop()
        with pytest.raises(SimulatedBrokerError, match="name another"):
            brokers(taken, step_over=False).start()


def test_the_wished_port_is_taken_if_free(brokers: Callable[..., SimulatedBroker]) -> None:
    port = free_port()
    simulated = brokers(port, step_over=False)
    simulated.start()
    assert simulated.port == port


def test_a_broker_dies_with_its_station(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as station:
        assert station.stdout is not None
        _, pid = map(int, station.stdout.readline().split())
        assert alive(pid)
        station.kill()
        assert eventually(lambda: not alive(pid))


def test_a_predecessor_left_behind_is_ended(
    brokers: Callable[..., SimulatedBroker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_dying_with_us", list)
    port = free_port()
    left, after = brokers(port), brokers(port)
    left.start()
    assert left._process is not None
    after.start()
    assert left._process.wait(10) == -9
    assert after.port == port


def test_a_pid_file_of_somebody_else_harms_nobody(brokers: Callable[..., SimulatedBroker], tmp_path: Path) -> None:
    folder = tmp_path / "the broker"
    folder.mkdir()
    for content in (str(os.getpid()), "", "junk"):
        (folder / "broker.pid").write_text(content)
        simulated = brokers()
        simulated.start()
        simulated.stop()


def test_a_broker_that_ignores_its_end_is_killed(
    brokers: Callable[..., SimulatedBroker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "STOP_S", 0.1)
    simulated = brokers(kind="mosquitto")
    simulated.start()
    process = simulated._process
    assert process is not None
    process.send_signal(19)  # SIGSTOP
    simulated.down()
    assert process.returncode == -9


def test_a_broker_that_cannot_start_says_why(
    brokers: Callable[..., SimulatedBroker], monkeypatch: pytest.MonkeyPatch
) -> None:
    simulated = brokers(free_port(), step_over=False, kind="mosquitto")
    simulated.start()
    simulated.down()
    monkeypatch.setattr(room, "_mosquitto_config", lambda *_: "no_such_option 1\n")
    with pytest.raises(SimulatedBrokerError, match=r"did not come back.*no_such_option"):
        simulated.up()


def test_without_mosquitto_the_embedded_one_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert SimulatedBroker(tmp_path).kind == "mosquitto"
    monkeypatch.setattr(room.shutil, "which", lambda *_, **__: None)
    assert SimulatedBroker(tmp_path).kind == "amqtt"
    monkeypatch.setattr(room.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SimulatedBrokerError, match="install mosquitto"):
        SimulatedBroker(tmp_path)


def test_without_setpriv_it_starts_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room.shutil, "which", lambda *_, **__: None)
    assert room._dying_with_us() == []


def test_a_plain_users_broker_keeps_its_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room.os, "geteuid", lambda: 1000)
    assert "user root" not in room._mosquitto_config(tmp_path, 1883)
    monkeypatch.setattr(room.os, "geteuid", lambda: 0)
    assert "user root" in room._mosquitto_config(tmp_path, 1883)
