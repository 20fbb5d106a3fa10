"""The campaign's own parts: the plan, the drivers' patience, the network between."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.campaign.patience import SLACK_S, Patience
from support.campaign.plan import EPISODES_A_STATION, make_plan, station_options
from support.campaign.proxy import Proxy, Weather
from support.campaign.troubles import KINDS

# The plan.


def test_one_seed_always_plans_the_same() -> None:
    assert make_plan(7, 3) == make_plan(7, 3)
    assert station_options(7, 3) == station_options(7, EPISODES_A_STATION - 1)
    assert len({str(make_plan(seed, number).steps) for seed in (1, 2) for number in range(5)}) == 10


def test_in_the_long_run_everything_happens() -> None:
    plans = [make_plan(1, number) for number in range(300)]
    steps = [step for plan in plans for step in plan.steps]
    assert {step.what for step in steps if step.do == "begin"} == KINDS.keys()
    assert {step.what for step in steps if step.do == "trap"} == {"call", "line", "bolt"}
    assert {step.do for step in steps} >= {"kill", "stop", "standing"}
    for plan in plans:
        assert [step.at for step in plan.steps] == sorted(step.at for step in plan.steps)
        begun = [step.what for step in plan.steps if step.do == "begin"]
        assert sorted(begun) == sorted(step.what for step in plan.steps if step.do == "end")
        groups = [KINDS[name].group for name in begun]
        assert len(groups) == len(set(groups)), "two of a kind at once"


# Patience.

NOW = 100.0
LATE = NOW + 1.0 + SLACK_S + 0.1


@pytest.fixture
def patience() -> Patience:
    """Somebody stands in slot 1."""
    patience = Patience(1.0)
    patience.line("slot 1 is charging for card ..E5F6, session S-1", NOW)
    return patience


def test_a_driver_who_tapped_and_stays_locked_in_is_found(patience: Patience) -> None:
    patience.line("card ..E5F6 tapped", NOW)
    patience.bolts({1: "locked"})
    patience.line("slot 1 is ending for card ..E5F6, session S-1", NOW)
    assert patience.overdue(LATE - 0.2) == []
    assert patience.overdue(LATE) == [1]


def test_a_driver_who_gets_out_is_content(patience: Patience) -> None:
    patience.line("card ..E5F6 tapped", NOW)
    patience.bolts({1: "between"})
    patience.bolts({1: "unlocked"})
    assert patience.overdue(LATE) == []


@pytest.mark.parametrize("line", ["card ..E5F6 tapped; acknowledged", "card ..3344 tapped", "slot 2 is free"])
def test_who_did_not_ask_is_not_waiting(patience: Patience, line: str) -> None:
    patience.line(line, NOW)
    assert patience.overdue(LATE) == []


def test_who_is_held_unpaid_is_excused(patience: Patience) -> None:
    patience.line("card ..E5F6 tapped", NOW)
    patience.line("slot 1 is held for card ..E5F6, session S-1", NOW)
    assert patience.overdue(LATE) == []


def test_an_excuse_for_one_slot_is_none_for_the_other(patience: Patience) -> None:
    patience.line("card ..E5F6 tapped", NOW)
    patience.excuse(2)
    assert patience.overdue(LATE) == [1]
    patience.excuse()
    assert patience.overdue(LATE) == []


# The network.

QUESTION = b"how long is the answer?"
ANSWER = b"so long".ljust(100)


@contextmanager
def answering() -> Iterator[int]:
    """Somebody who answers every connection once; gives the port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with line:
                line.settimeout(5)
                try:
                    line.recv(len(QUESTION))
                    line.sendall(ANSWER)
                except OSError:
                    continue

    thread = threading.Thread(target=answer, name="answering")
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def asked(port: int) -> bytes:
    """All that comes back before the end; raises OSError if it is no good end."""
    heard = b""
    with socket.create_connection(("127.0.0.1", port), timeout=0.5) as line:
        line.sendall(QUESTION)
        while chunk := line.recv(4096):
            heard += chunk
    return heard


def test_weather_comes_and_goes() -> None:
    with answering() as port, Proxy("test", lambda: port) as proxy:
        assert asked(proxy.port) == ANSWER
        for weather in (Weather.DROP, Weather.STALL, Weather.CUT, Weather.DOWN):
            proxy.behave(weather, cut_after=10)
            threading.Event().wait(0.1)
            with pytest.raises((ConnectionError, TimeoutError)):
                asked(proxy.port)
            proxy.behave(Weather.FINE)
            threading.Event().wait(0.1)
            assert asked(proxy.port) == ANSWER


def test_a_refused_connection_is_refused() -> None:
    with answering() as port, Proxy("test", lambda: port) as proxy:
        proxy.behave(Weather.DOWN)
        threading.Event().wait(0.1)
        with pytest.raises(ConnectionRefusedError):
            asked(proxy.port)


def test_an_answer_is_cut_short() -> None:
    with answering() as port, Proxy("test", lambda: port) as proxy:
        proxy.behave(Weather.CUT, cut_after=10)
        threading.Event().wait(0.1)
        with pytest.raises(ConnectionResetError):
            asked(proxy.port)


def test_nobody_behind_it_resets() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with Proxy("test", lambda: port) as proxy, pytest.raises(ConnectionResetError):
        asked(proxy.port)
