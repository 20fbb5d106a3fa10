"""Any interleaving of taps, answers, bolts, faults and restarts keeps the invariants, and every session ends well."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from support.interleaving import Interleaving


def test_any_interleaving() -> None:
    run_state_machine_as_test(
        Interleaving,
        settings=settings(
            derandomize=True,
            database=None,
            deadline=None,
            max_examples=150,
            stateful_step_count=40,
            suppress_health_check=list(HealthCheck),
        ),
    )
