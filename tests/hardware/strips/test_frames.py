"""What the agent and the lights process say to each other."""

import pytest

from hardware.strips import frames
from hardware.strips.frames import PIXELS_AT_MOST, REASON_AT_MOST, STRIP_PINS, FrameError, Incoming, Kind


def test_messages_arrive_as_they_left_in_pieces_of_any_size() -> None:
    said = frames.hello(18, 24) + frames.frame([(1, 2, 3), (255, 0, 4)]) + frames.done() + frames.failed("no power")
    for size in range(1, len(said) + 1):
        incoming = Incoming()
        heard = [
            message for start in range(0, len(said), size) for message in incoming.feed(said[start : start + size])
        ]
        assert heard == [
            (Kind.HELLO, b"\x12\x00\x18"),
            (Kind.FRAME, b"\x01\x02\x03\xff\x00\x04"),
            (Kind.DONE, b""),
            (Kind.FAILED, b"no power"),
        ]


def test_bodies_are_read_back() -> None:
    (hello, frame) = Incoming().feed(frames.hello(13, PIXELS_AT_MOST) + frames.frame([(1, 2, 3), (255, 0, 4)]))
    assert frames.strip_of(hello[1]) == (13, PIXELS_AT_MOST)
    assert frames.pixels_of(frame[1], 2) == [(1, 2, 3), (255, 0, 4)]


def test_a_long_reason_is_cut() -> None:
    ((_, body),) = Incoming().feed(frames.failed("x" * 10_000))
    assert len(body) == REASON_AT_MOST


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n",
        b"SL\x02\x01\x00\x03",
        b"SL\x01\x00\x00\x00",
        b"SL\x01\x05\x00\x00",
        b"SL\x01\x01\x00\x04",
        b"SL\x01\x02\x0b\xb9",
        b"SL\x01\x03\x00\x01",
        b"SL\x01\x04\xff\xff",
    ],
)
def test_what_is_no_message_is_refused_by_its_header(said: bytes) -> None:
    with pytest.raises(FrameError):
        Incoming().feed(said)


@pytest.mark.parametrize("pin", sorted(set(range(256)) - set(STRIP_PINS)))
def test_only_lines_that_clock_a_strip_can_be_named(pin: int) -> None:
    with pytest.raises(FrameError, match=f"GPIO{pin}"):
        frames.strip_of(bytes([pin, 0, 24]))


@pytest.mark.parametrize("body", [b"", b"\x12\x00", b"\x12\x00\x00", b"\x12\x03\xe9", b"\x12\x00\x18\x00"])
def test_a_strip_that_cannot_be_is_refused(body: bytes) -> None:
    with pytest.raises(FrameError):
        frames.strip_of(body)


@pytest.mark.parametrize("count", [0, 5, 7, 1000])
def test_a_frame_has_every_pixel_and_no_more(count: int) -> None:
    with pytest.raises(FrameError, match="18 bytes"):
        frames.pixels_of(bytes(18), count)
