"""One tap for each time a card comes: the contract's section 6 as tables, and as a property of every story."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.parts import Mangled, NoCard, OneCard, SeveralCards, Sighting
from hardware.presence import Presence, Presented, Removed, Several, Tapped

A, B, C, D = "DEADBEEF", "04A1B2C3D4E5F6", "04A1B211223344", "12345678"
SIGNS: dict[str, Sighting] = {
    ".": NoCard(),
    "a": OneCard(A),
    "b": OneCard(B),
    "c": OneCard(C),
    "d": OneCard(D),
    "x": Mangled(),
    "2": SeveralCards(frozenset({A, B})),
    "3": SeveralCards(frozenset({B, C})),
    "?": SeveralCards(),
    "1": SeveralCards(frozenset({A})),
}
TOLD = {A: "a", B: "b", C: "c", D: "d"}


def tell(presented: Presented) -> str:
    match presented:
        case Tapped(uid):
            return TOLD[uid].upper()
        case Removed(uid):
            return f"-{TOLD[uid]}"
        case Several():
            return "!"


def story(signs: str, every: float = 0.2) -> str:
    """What a row of sightings means: capitals are taps, `-` a removal, `!` several, `_` a restart of the reader."""
    presence, told = Presence(), ""
    for number, sign in enumerate(signs):
        if sign == "_":
            presence.restart()
        else:
            told += "".join(tell(one) for one in presence.see(SIGNS[sign], number * every))
    return told


@pytest.mark.parametrize(
    ("signs", "told"),
    [
        (".a", "A"),
        (".aaaa", "A"),
        (".a....", "A-a"),
        (".a...a", "A-aA"),
        (".a..a", "A"),
        (".a.a.a.a", "A"),
        (".ax...", "A-a"),
        (".a..x..a", "A"),
        (".a..x...a", "A-aA"),
        (".xa", "A"),
        ("......", ""),
        ("xxxx", ""),
    ],
)
def test_a_tap_is_a_card_that_was_away_and_is_here(signs: str, told: str) -> None:
    assert story(signs) == told


@pytest.mark.parametrize(("every", "told"), [(0.05, "A"), (0.12, "A"), (0.13, "A-aA"), (1.0, "A-aA")])
def test_three_clean_polls_are_not_enough_within_half_a_second(every: float, told: str) -> None:
    assert story(".a...a", every) == told


def test_half_a_second_is_not_enough_with_fewer_than_three_clean_polls() -> None:
    assert story(".a..a", every=10) == "A"


def test_a_removal_says_when_the_card_was_last_there() -> None:
    presence = Presence()
    presence.see(NoCard(), 0)
    presence.see(OneCard(A), 1)
    presence.see(Mangled(), 2)
    told = [presence.see(NoCard(), 2 + step / 10) for step in range(1, 7)]
    assert told == [(), (), (), (), (Removed(A, 2),), ()]


@pytest.mark.parametrize(
    ("signs", "told"),
    [
        ("a", ""),
        ("aaa", ""),
        ("xxa", ""),
        ("a...", "-a"),
        ("a...a", "-aA"),
        ("ab", "B"),
        ("a_aa", ""),
        (".a_aa", "A"),
        ("._a", ""),
        ("._.a", "A"),
        ("._xa", ""),
        (".a_b", "A"),
        (".a_.a", "A"),
        (".a_...a", "A-aA"),
        ("_2ab", "!"),
    ],
)
def test_a_card_that_is_there_when_the_reader_starts_is_no_tap_until_it_has_been_away(signs: str, told: str) -> None:
    assert story(signs) == told


@pytest.mark.parametrize(
    ("signs", "told"),
    [
        (".a.b", "AB"),
        (".abbb", "AB-a"),
        (".ababab", "AB"),
        (".abbba", "AB-aA"),
    ],
)
def test_cards_change_places(signs: str, told: str) -> None:
    assert story(signs) == told


@pytest.mark.parametrize(
    ("signs", "told"),
    [
        (".2", "!"),
        (".2222", "!"),
        (".2x2.2?2", "!"),
        (".2bbbbb", "!-a"),
        (".2bbb2", "!-a!"),
        (".2...2", "!-b-a!"),
        (".2bbb...b", "!-a-bB"),
        (".a2aaa", "A!-b"),
        (".a2bbb", "A!-a"),
        (".a2aaa...a", "A!-b-aA"),
        (".a2a2a2", "A!"),
        (".2.c", "!C"),
        (".2bc", "!C"),
        (".?b", "!"),
        (".?bbb", "!"),
        (".1b", "!"),
        (".?...b", "!B"),
        (".13bc", "!"),
        (".1d", "!"),
        (".13d", "!D"),
    ],
)
def test_of_several_cards_none_is_taken(signs: str, told: str) -> None:
    assert story(signs) == told


def test_a_flood_of_uids_is_bounded() -> None:
    presence = Presence()
    presence.see(NoCard(), 0)
    taps = 0
    for number in range(200):
        taps += len(presence.see(OneCard(f"{number:08X}"), number * 0.01))
        presence.see(Mangled(), number * 0.01)
    assert taps == 16
    everybody = SeveralCards(frozenset(f"{number:08X}" for number in range(500, 600)))
    assert presence.see(everybody, 3) == (Several(),)
    assert presence.see(OneCard("000003E7"), 3.1) == ()


TALES = st.lists(st.tuples(st.sampled_from("....aaabbcx2?"), st.sampled_from((0.05, 0.1, 0.2, 0.6))), max_size=60)


def _certainly_without(sighting: Sighting, uid: str) -> bool:
    return sighting == NoCard() or (isinstance(sighting, OneCard) and sighting.uid != uid)


@settings(derandomize=True, deadline=None, max_examples=400)
@given(TALES)
def test_before_every_tap_the_card_was_cleanly_absent(tale: list[tuple[str, float]]) -> None:
    presence, now = Presence(), 0.0
    past: list[tuple[Sighting, float]] = []
    tapped: set[str] = set()
    for sign, step in tale:
        now += step
        for presented in presence.see(SIGNS[sign], now):
            if not isinstance(presented, Tapped):
                continue
            assert SIGNS[sign] == OneCard(presented.uid)
            absence: list[float] = []
            for sighting, at in reversed(past):
                if not _certainly_without(sighting, presented.uid):
                    since = at
                    break
                absence.append(at)
            if presented.uid in tapped:
                assert len(absence) >= 3
                assert now - since >= 0.5
            assert any(sighting != Mangled() for sighting, _ in past)
            tapped.add(presented.uid)
        past.append((SIGNS[sign], now))


@settings(derandomize=True, deadline=None, max_examples=400)
@given(TALES)
def test_a_card_that_comes_back_after_a_clean_absence_is_a_tap(tale: list[tuple[str, float]]) -> None:
    presence, now = Presence(), 0.0
    for sign, step in tale:
        now += step
        presence.see(SIGNS[sign], now)
    for _ in range(4):
        now += 0.2
        presence.see(NoCard(), now)
    assert presence.see(OneCard(A), now + 0.1) == (Tapped(A),)
    assert presence.see(OneCard(A), now + 0.2) == ()
