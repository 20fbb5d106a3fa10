"""The journal: what a commit that returned has kept, and what a broken disk or file does not take."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from support.journal_rows import EMPTY, FAULT, FULL, MESSAGE, SESSION, owe, table, writing
from support.owing import CARD, WALL, act, inbox_event, tap

from agent.effects import ActName
from agent.journal import Journal, Kept, NotWritten, OwedRow
from agent.journal.rows import changes, rows
from agent.journal.tally import counted
from agent.state import Progress, Slot

KEPT = Kept(history_days=30, known_days=90)


class TestWhatIsKept:
    def test_a_new_journal_holds_a_free_station_that_owes_nothing(self, journal: Journal) -> None:
        assert journal.restore([1, 2]) == EMPTY
        assert journal.owed() == []
        assert journal.counts() == {"supplier": 0, "broker": 0, "refused": 0, "oldest": None}

    def test_the_station_is_restored_as_it_was(self, path: Path, journal: Journal) -> None:
        journal.stage(writing(FULL))
        journal.close()
        with closing(Journal(path)) as again:
            assert again.restore([1, 2]) == FULL

    def test_what_does_not_outlive_the_process_is_not_kept(self, journal: Journal) -> None:
        journal.stage(writing(replace(EMPTY, winked=100.0, signalled=100.0)))
        assert not journal.staged

    def test_a_slot_that_is_new_in_the_config_is_free_and_one_that_went_comes_back_as_it_was(
        self, journal: Journal
    ) -> None:
        journal.stage(writing(FULL))
        journal.commit()
        assert journal.restore([2, 3]).slots == {2: Slot(number=2), 3: Slot(number=3)}
        assert journal.restore([1]).slots[1] == FULL.slots[1]

    def test_sessions_keep_the_order_in_which_they_came(self, journal: Journal) -> None:
        """The workflow asks for the last one of a card."""
        both = replace(EMPTY, sessions={"Z": replace(SESSION, id="Z"), "A": replace(SESSION, id="A")})
        later = replace(both, sessions={**both.sessions, "Z": replace(SESSION, id="Z", end=Progress.OWED)})
        journal.stage(writing(both))
        journal.commit()
        journal.stage(writing(later, before=both))
        journal.commit()
        assert list(journal.restore([1, 2]).sessions) == ["Z", "A"]

    def test_only_rows_that_differ_are_written(self) -> None:
        after = replace(FULL, sessions={}, visit_count=8)
        assert [key for key, _ in changes(FULL, after)] == [("session", "S1"), ("station", "")]
        assert list(changes(FULL, FULL)) == []
        assert len(rows(FULL)) == 6

    def test_rows_that_went_are_gone(self, journal: Journal) -> None:
        journal.stage(writing(FULL))
        journal.stage(writing(EMPTY, before=FULL))
        journal.commit()
        assert journal.restore([1, 2]) == EMPTY

    def test_what_is_owed_is_restored_in_order(self, path: Path, journal: Journal) -> None:
        owed = owe(journal, ActName.END, ActName.PAY, ActName.UNLOCK, wall=WALL + 5)
        journal.stage(writing(owed=owed))
        journal.close()
        with closing(Journal(path)) as again:
            assert again.owed() == list(owed)
            assert again.counts() == {"supplier": 3, "broker": 0, "refused": 0, "oldest": WALL + 5}

    def test_an_act_with_a_body_is_restored_whole(self, journal: Journal) -> None:
        told = act(ActName.SUPPORT, body={"error": {"code": "X", "detail": "é", "n": 3, "list": [1.5, None, True]}})
        journal.stage(writing(owed=(OwedRow(id=journal.new_id("owed"), act=told, since=WALL),)))
        journal.commit()
        assert journal.owed()[0].act == told

    def test_acts_are_rewritten_set_aside_and_forgotten_in_one_commit(self, journal: Journal) -> None:
        first, second, third = owed = owe(journal, ActName.LOCK, ActName.START, ActName.END)
        journal.stage(writing(owed=owed))
        journal.commit()
        renamed = replace(third, act=act(ActName.END, third.act.key, session="S9"))
        journal.stage(writing(gone=(first.id,), aside=((second.id, "404 Not Found"),), rewritten=(renamed,)))
        journal.commit()
        assert journal.owed() == [replace(second, aside="404 Not Found"), renamed]
        assert journal.counts() == {"supplier": 1, "broker": 0, "refused": 1, "oldest": WALL}

    def test_messages_are_kept_byte_for_byte(self, journal: Journal) -> None:
        journal.stage(writing(messages=((journal.new_id("messages"), MESSAGE),)))
        journal.commit()
        with closing(journal.reader()) as db:
            found = db.execute("SELECT id, topic, content_type, payload, since, aside FROM messages").fetchall()
        assert found == [(1, MESSAGE.topic, MESSAGE.content_type, MESSAGE.payload, WALL, None)]
        assert journal.counts()["broker"] == 1
        journal.set_aside("messages", 1, "reason code 144")
        journal.commit()
        assert journal.counts() == {"supplier": 0, "broker": 0, "refused": 1, "oldest": None}

    def test_an_inbox_event_is_known_from_the_moment_it_is_staged(self, path: Path, journal: Journal) -> None:
        """On a disk that takes nothing it comes again before it is committed."""
        assert not journal.was_taken("urn:power", "e1")
        mark = journal.mark()
        journal.stage(writing(fact=inbox_event("e1"), taken=("urn:power", "e1")))
        assert journal.was_taken("urn:power", "e1")
        journal.unstage(mark)
        assert not journal.was_taken("urn:power", "e1")
        journal.stage(writing(fact=inbox_event("e1"), taken=("urn:power", "e1")))
        journal.close()
        with closing(Journal(path)) as again:
            assert again.was_taken("urn:power", "e1")
            assert not again.was_taken("urn:power", "e2")
            assert not again.was_taken("urn:other", "e1")

    def test_the_history_tells_what_changed_something_and_nothing_else(self, path: Path, journal: Journal) -> None:
        journal.stage(writing(fact=tap(1)))
        journal.stage(writing(FULL, fact=tap(2)))
        journal.commit()
        assert table(path, "SELECT wall, kind FROM history") == [(WALL + 2, "CardTapped")]

    def test_a_fact_that_cannot_be_encoded_leaves_nothing_half_staged(self, journal: Journal) -> None:
        broken = replace(FAULT, code="B", title="\ud800")
        with pytest.raises(UnicodeEncodeError):
            journal.stage(writing(replace(FULL, faults={"B/2": broken})))
        assert not journal.staged


class TestIds:
    def test_none_is_used_twice_after_deletes_and_reopening(self, path: Path) -> None:
        seen: list[int] = []
        for _ in range(3):
            with closing(Journal(path)) as journal:
                owed = owe(journal, ActName.LOCK, ActName.START)
                seen += [row.id for row in owed]
                journal.stage(writing(owed=owed))
                journal.commit()
                journal.forget("owed", [row.id for row in owed])
        assert seen[:2] == [1, 2]
        assert seen == sorted(set(seen))

    def test_none_is_used_twice_when_a_row_comes_and_goes_in_one_commit(self, path: Path, journal: Journal) -> None:
        (row,) = owe(journal, ActName.LOCK)
        journal.stage(writing(owed=(row,)))
        journal.forget("owed", [row.id])
        journal.close()
        with closing(Journal(path)) as again:
            assert again.owed() == []
            assert again.new_id("owed") > row.id

    def test_none_is_used_twice_when_what_reserved_them_was_taken_back(self, path: Path, journal: Journal) -> None:
        mark = journal.mark()
        journal.stage(writing(owed=owe(journal, ActName.LOCK)))
        journal.unstage(mark)
        (row,) = owe(journal, ActName.LOCK)
        journal.stage(writing(owed=(row,)))
        journal.close()
        with closing(Journal(path)) as again:
            assert again.new_id("owed") > row.id

    def test_acts_and_messages_count_apart(self, journal: Journal) -> None:
        assert [journal.new_id("owed"), journal.new_id("messages"), journal.new_id("owed")] == [1, 1, 2]


class TestTally:
    def test_it_is_what_a_count_of_the_tables_would_be(self, path: Path, journal: Journal) -> None:
        owed = [*owe(journal, ActName.END), *owe(journal, ActName.PAY), *owe(journal, ActName.UNLOCK)]
        ids = [journal.new_id("messages") for _ in range(3)]
        journal.stage(writing(fact=tap(), owed=tuple(owed), messages=tuple((each, MESSAGE) for each in ids)))
        journal.commit()
        journal.set_aside("owed", owed[0].id, "422")
        journal.set_aside("messages", ids[0], "144")
        journal.set_aside("messages", ids[0], "144")
        journal.forget("owed", [owed[1].id, 99])
        journal.forget("messages", [ids[1]])
        journal.commit()
        assert (journal.tally.acts, journal.tally.acts_aside) == (1, 1)
        assert (journal.tally.messages, journal.tally.messages_aside, journal.tally.aside) == (1, 1, 2)
        with closing(sqlite3.connect(path)) as db:
            assert counted(db) == journal.tally
        journal.forget("owed", [owed[0].id])
        journal.forget("messages", [ids[0]])
        journal.commit()
        assert journal.tally.aside == 0

    def test_what_was_not_written_does_not_count(self, journal: Journal) -> None:
        owed = owe(journal, ActName.END)
        journal.stage(writing(fact=tap(), owed=owed))
        journal._db.execute("PRAGMA query_only=ON")
        with pytest.raises(NotWritten):
            journal.commit()
        assert journal.tally.acts == 0
        journal._db.execute("PRAGMA query_only=OFF")
        journal.commit()
        assert journal.tally.acts == 1


class TestKnownCards:
    def test_a_card_is_known_from_its_payment_until_it_is_refused(self, journal: Journal) -> None:
        journal.stage(writing(fact=tap(), known=(CARD,)))
        journal.commit()
        assert journal.is_known(CARD, WALL - 1, WALL + 1)
        assert not journal.is_known("AABBCCDD", WALL - 1, WALL + 1)
        assert not journal.is_known(CARD, WALL + 1, WALL + 2), "too long ago"
        assert not journal.is_known(CARD, WALL - 2, WALL - 1), "paid in the future: one of the clocks was wrong"
        journal.stage(writing(fact=tap(seconds=5.0), refused=(CARD,)))
        journal.commit()
        assert not journal.is_known(CARD, WALL - 1, WALL + 9)

    def test_its_uid_is_not_what_is_kept(self, path: Path, journal: Journal) -> None:
        journal.stage(writing(fact=tap(), known=(CARD,)))
        journal.commit()
        journal.prune(WALL + 31 * 86400, KEPT)
        assert journal.is_known(CARD, WALL - 1, WALL + 1)
        journal.close()
        assert CARD.encode() not in path.read_bytes()
        assert bytes.fromhex(CARD) not in path.read_bytes()


class TestPruning:
    def test_it_forgets_old_facts_and_inbox_ids_and_nothing_that_is_owed(self, path: Path, journal: Journal) -> None:
        old, new = WALL - 31 * 86400, WALL - 86400 - 1
        for wall, event in ((old, "old"), (new, "yesterday"), (WALL - 86400 + 1, "today")):
            taken = ("urn:power", event)
            owed = owe(journal, ActName.END, wall=wall)
            messages = ((journal.new_id("messages"), MESSAGE),)
            journal.stage(writing(fact=tap(wall=wall), owed=owed, messages=messages, taken=taken))
        journal.commit()
        journal.prune(WALL, KEPT)
        journal.commit()
        assert table(path, "SELECT wall FROM history") == [(new,), (WALL - 86400 + 1,)]
        assert [journal.was_taken("urn:power", event) for event in ("old", "yesterday", "today")] == [0, 0, 1]
        assert journal.counts() == {"supplier": 3, "broker": 3, "refused": 0, "oldest": old}

    def test_a_card_is_no_longer_in_the_log_either_while_the_station_runs(self, path: Path, journal: Journal) -> None:
        journal.stage(writing(FULL, fact=tap(wall=WALL - 31 * 86400)))
        journal.stage(writing(EMPTY, before=FULL, fact=tap(wall=WALL - 31 * 86400)))
        journal.commit()
        assert CARD.encode() in path.with_name("journal.db-wal").read_bytes()
        journal.prune(WALL, KEPT)
        journal.commit()
        assert all(CARD.encode() not in part.read_bytes() for part in path.parent.iterdir())

    def test_a_card_of_what_was_delivered_since_is_no_longer_in_the_log(self, path: Path, journal: Journal) -> None:
        """A delivery that nobody waited for leaves no fact, so that nothing of it grows too old."""
        acquire = act(ActName.ACQUIRE, card=CARD)
        owed = (OwedRow(id=journal.new_id("owed"), act=acquire, since=WALL - 86400),)
        journal.stage(writing(fact=tap(wall=WALL - 86400), owed=owed))
        journal.commit()
        journal._db.execute("DELETE FROM history")
        journal.forget("owed", [row.id for row in owed])
        journal.commit()
        assert CARD.encode() in path.with_name("journal.db-wal").read_bytes()
        journal.prune(WALL, KEPT)
        assert not journal.staged
        assert all(CARD.encode() not in part.read_bytes() for part in path.parent.iterdir())

    def test_it_forgets_known_cards_that_have_not_paid_for_long(self, path: Path, journal: Journal) -> None:
        journal.stage(writing(fact=tap(wall=WALL - 91 * 86400), known=("AABBCCDD",)))
        journal.stage(writing(fact=tap(wall=WALL - 89 * 86400), known=(CARD,)))
        journal.commit()
        journal.prune(WALL, KEPT)
        journal.commit()
        assert len(table(path, "SELECT * FROM known")) == 1
        assert journal.is_known(CARD, 0.0, WALL)

    def test_nothing_old_stages_nothing(self, journal: Journal) -> None:
        journal.stage(writing(FULL, fact=tap(), taken=("urn:power", "e1")))
        journal.commit()
        journal.prune(WALL, KEPT)
        assert not journal.staged

    def test_a_card_is_no_longer_in_the_file_once_it_is_forgotten(self, path: Path, journal: Journal) -> None:
        journal.stage(writing(FULL))
        journal.stage(writing(EMPTY, before=FULL))
        journal.commit()
        journal.prune(WALL + 31 * 86400, KEPT)
        journal.close()
        assert not path.with_name("journal.db-wal").exists()
        assert CARD.encode() not in path.read_bytes()
