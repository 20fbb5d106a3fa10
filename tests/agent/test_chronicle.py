"""The log of facts: how grave a line is, and how it is found again."""

import logging

import pytest
from support.story import CARD, Story

from agent.chronicle import chronicle, fields_of
from agent.effects import Effects
from agent.facts import Fact, FaultRaised, LockSettled


class Chronicled(Story):
    """A story of which every fact is logged."""

    def happens(self, kind: type[Fact], **values: object) -> Effects:
        before = self.station
        effects = super().happens(kind, **values)
        chronicle(kind(at=self.at(), id="f", **values), before, self.station, effects)
        return effects


def logged(caplog: pytest.LogCaptureFixture, text: str) -> tuple[int, dict[str, str]]:
    """Level and fields of the line that says so."""
    (record,) = [record for record in caplog.records if text in record.message]
    fields: dict[str, str] = record.fields  # type: ignore[attr-defined]
    return record.levelno, fields


def test_a_sessions_lines_are_found_by_slot_and_session(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    story = Chronicled()
    story.rest()
    story.none_active()
    story.granted(1, "S-1")
    story.locks()
    assert logged(caplog, "slot 1 is starting") == (logging.INFO, {"SLOT": "1", "SESSION": "S-1"})
    assert logged(caplog, "slot 1 is charging") == (logging.INFO, {"SLOT": "1", "SESSION": "S-1"})
    assert logged(caplog, "tapped") == (logging.INFO, {})
    assert not any(CARD in str(record.__dict__) for record in caplog.records)


@pytest.mark.parametrize(("warning", "level"), [(False, logging.ERROR), (True, logging.WARNING)])
def test_a_fault_is_as_grave_as_it_is(caplog: pytest.LogCaptureFixture, *, warning: bool, level: int) -> None:
    caplog.set_level(logging.INFO)
    story = Chronicled()
    fault = {"code": "Broken", "title": "Broken", "detail": "so: and so", "warning": warning}
    story.happens(FaultRaised, slot=2, **fault)
    assert logged(caplog, "fault Broken raised: so: and so") == (level, {"SLOT": "2", "FAULT": "Broken"})


def test_a_slot_that_is_not_here_is_no_field() -> None:
    story = Story()
    fact = LockSettled(at=story.at(), id="f", slot=9, move=1, locked=True)
    assert fields_of(fact, story.station, story.station) == {}
