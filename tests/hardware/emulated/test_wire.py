"""Lines of JSON between world and chips."""

import pytest

from hardware.emulated.wire import (
    LINE_AT_MOST,
    Incoming,
    WireError,
    encode,
    frame_message,
    frame_of,
    line_of,
    view_of,
)
from hardware.emulated.world import View, encode_view


def test_messages_are_cut_wherever_the_stream_was() -> None:
    incoming = Incoming()
    data = encode({"line": [17, 1]}) + encode({"line": [17, 0]})
    got = [message for byte in data for message in incoming.feed(bytes([byte]))]
    assert [line_of(message) for message in got] == [(17, 1), (17, 0)]


def test_a_view_and_a_frame_arrive_as_they_left() -> None:
    view = View(("04A1B2C3D4E5F6",), (23, 27), ("lights-dead",))
    (message,) = Incoming().feed(encode(encode_view(view)))
    assert view_of(message) == view
    assert frame_of(frame_message([(0, 1, 255), (16, 32, 64)], 12.5)) == (((0, 1, 255), (16, 32, 64)), 12.5)


@pytest.mark.parametrize(
    "data", [b"no json\n", b"[]\n", b"\xff\n", b"[" * 5000 + b"\n", b"x" * (LINE_AT_MOST + 1), b'""\n']
)
def test_what_is_no_message_is_an_error(data: bytes) -> None:
    with pytest.raises(WireError):
        Incoming().feed(data)


@pytest.mark.parametrize("line", [None, [], [17], [17, 2], [54, 1], [-1, 1], ["17", 1], [17, "1"], [17, 1, 1]])
def test_a_line_that_is_none_is_an_error(line: object) -> None:
    with pytest.raises(WireError):
        line_of({"line": line})


@pytest.mark.parametrize("frame", [None, 1, "0", "00", "xx0000", "0000ff00"])
def test_a_frame_that_is_none_is_an_error(frame: object) -> None:
    with pytest.raises(WireError):
        frame_of({"frame": frame, "at": 1.0})


@pytest.mark.parametrize("at", [{}, {"at": None}, {"at": "now"}])
def test_a_frame_without_its_moment_is_an_error(at: dict[str, object]) -> None:
    with pytest.raises(WireError):
        frame_of({"frame": "000000", **at})


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"cards": 1},
        {"cards": [], "closed": ["x"], "faults": [], "high": []},
        {"cards": [], "closed": [], "faults": []},
    ],
)
def test_a_view_that_is_none_is_an_error(message: dict[str, object]) -> None:
    with pytest.raises(WireError):
        view_of(message)
