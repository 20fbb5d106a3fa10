"""Lines to a broker that end with the test."""

import threading
from collections.abc import Callable, Iterator

import pytest
from support.broker_line import Station
from support.mqtt import Mosquitto

from agent.config.settings import MqttSettings


@pytest.fixture
def stations() -> Iterator[Callable[..., Station]]:
    made: list[Station] = []

    def start(settings: MqttSettings, **wishes: Callable[[int], float]) -> Station:
        made.append(Station(settings, **wishes))
        made[-1].broker.start()
        return made[-1]

    yield start
    for station in made:
        station.broker.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "broker"]


@pytest.fixture
def station(mosquitto: Mosquitto, stations: Callable[..., Station]) -> Station:
    started = stations(MqttSettings(port=mosquitto.port))
    assert started.online()
    return started
