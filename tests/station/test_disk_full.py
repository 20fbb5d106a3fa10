"""A journal that cannot be written: nothing starts, vehicles are let go, and nothing is lost when there is space."""

from support.bench import CARD, MAIN, OTHER, PREFIX, RED, Bench

ERROR = {"code": "GroundFailure", "title": "Ground Failure"}


def test_a_full_disk_starts_nothing_and_keeps_no_vehicle_in(bench: Bench) -> None:
    session = bench.start_session()
    with bench.disk_full():
        bench.tap(OTHER)
        bench.wait(lambda: bench.faults() == ["StorageFailure"])
        bench.wait(lambda: not bench.state()["available"])
        bench.wait(lambda: bench.state()["mainLight"] == "red" and bench.pixels(MAIN) == RED)
        bench.wait(lambda: (bench.slot(2)["status"], bench.bolt(2)) == ("free", "unlocked"))
        assert len(bench.sessions()) == 1, "nothing was acquired"

        bench.tap(CARD)
        bench.wait(lambda: bench.bolt(1) == "unlocked")
        bench.wait(lambda: bench.slot(1)["status"] == "free")
        bench.inbox(f"{PREFIX}faulted.v1", {"error": ERROR})
        bench.wait(lambda: sorted(bench.faults()) == ["GroundFailure", "StorageFailure"])
        assert bench.running

    bench.wait(lambda: bench.faults() == ["GroundFailure"])
    bench.inbox(f"{PREFIX}faulted.v1", {"error": {**ERROR, "cleared": True}}, "e-2")
    bench.wait(lambda: bench.once("back-in-service"))
    bench.settled()
    assert bench.refusals() == [(OTHER, "storage")]
    (ended,) = bench.once("session-ended")
    assert (ended["id"], ended["endedBy"]) == (session, "card")
    assert [payment["session"] for payment in bench.books.view()["payments"]] == [session]
    (slot, _) = bench.books.view()["slots"]
    assert slot["lock"] == "unlocked"
    assert [data["code"] for data in bench.once("out-of-order")] == ["StorageFailure", "GroundFailure"]
    assert len(bench.books.view()["tickets"]) == 2

    bench.kill()
    bench.start()
    bench.wait(lambda: bench.faults() == [])
    bench.start_session(OTHER)
    assert len(bench.once("out-of-order")) == 2, "the inbox event was acknowledged"
