"""Every state meets every fact: nothing raises, nothing stays due, every invariant holds.

Generated from the types: a fact or a phase without a story or a generator here fails.
"""

from copy import deepcopy

import pytest
from support.every_fact import GENERATORS
from support.every_state import STATES, in_state

from agent import facts
from agent.facts import Fact
from agent.state import Phase, Step
from agent.workflow import HANDLERS, next_deadline

pytestmark = pytest.mark.no_cover


def all_facts() -> set[type[Fact]]:
    """Every kind of fact there is."""
    return {kind for kind in vars(facts).values() if isinstance(kind, type) and issubclass(kind, Fact)} - {Fact}


def test_every_fact_has_its_handler_and_its_generator() -> None:
    assert set(HANDLERS) == all_facts()
    assert set(GENERATORS) == all_facts()


def test_every_phase_and_every_step_has_its_story() -> None:
    stories = [in_state(name) for name in STATES]
    phases = {slot.phase for story in stories for slot in story.station.slots.values()}
    steps = {visit.step for story in stories for visit in story.station.visits.values()}
    assert phases == set(Phase)
    assert steps == set(Step)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", GENERATORS, ids=lambda kind: kind.__name__)
def test_every_state_meets_every_fact(state: str, kind: type[Fact]) -> None:
    there = in_state(state)
    for values in GENERATORS[kind](there):
        story = deepcopy(there)
        story.happens(kind, **values)
        story.face()
        if kind is facts.DeadlinePassed:
            due = next_deadline(story.station, story.boot)
            assert due is None or due > values["at"].boottime
