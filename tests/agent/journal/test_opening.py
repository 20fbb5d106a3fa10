"""The journal: files that are none, and opening one."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.journal_rows import EMPTY, FULL, owe, table, writing

from agent.effects import ActName
from agent.journal import Journal, JournalUnreadable, NotWritten
from agent.journal import file as journal_file
from agent.journal.file import keep_aside


class TestAFileThatIsNoJournal:
    @pytest.fixture
    def kept(self, path: Path) -> Path:
        with closing(Journal(path)) as journal:
            journal.stage(writing(FULL, owed=owe(journal, ActName.END)))
        return path

    def check(self, path: Path, match: str = "Keep it aside") -> None:
        before = {part.name: part.read_bytes() for part in path.parent.iterdir() if not part.name.endswith("-shm")}
        for read_only in (True, False):
            with pytest.raises(JournalUnreadable, match=match):
                Journal(path, read_only=read_only)
        after = {part.name: part.read_bytes() for part in path.parent.iterdir() if not part.name.endswith("-shm")}
        assert {name: data for name, data in after.items() if data or name in before} == before

    def test_noise(self, path: Path) -> None:
        path.parent.mkdir()
        path.write_bytes(b"noise" * 1000)
        self.check(path)

    def test_nothing_at_all_is_not_a_new_journal(self, path: Path) -> None:
        """A file cut to nothing by a power cut must not free every slot."""
        path.parent.mkdir()
        path.touch()
        self.check(path)

    def test_another_database(self, path: Path) -> None:
        path.parent.mkdir()
        with closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE other (x)")
        self.check(path)

    def test_a_damaged_page(self, kept: Path) -> None:
        whole = kept.read_bytes()
        pages = len(whole) // 4096
        assert pages > 5
        for page in range(pages):
            start = page * 4096 + (100 if page == 0 else 0)  # the first 100 bytes are the file's header
            kept.write_bytes(whole[:start] + b"\xa5" * ((page + 1) * 4096 - start) + whole[(page + 1) * 4096 :])
            self.check(kept)

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE entries SET value='{' WHERE kind='session'",
            'UPDATE entries SET value=\'{"number":1,"phase":"floating"}\' WHERE kind=\'slot\'',
            "UPDATE owed SET act='[]'",
            "UPDATE entries SET value=x'ff' WHERE kind='fault'",
            "DROP TABLE messages",
        ],
    )
    def test_rows_that_this_version_never_wrote(self, kept: Path, change: str) -> None:
        with closing(sqlite3.connect(kept, isolation_level=None)) as db:
            db.execute(change)
        self.check(kept)

    def test_a_log_without_its_journal(self, path: Path) -> None:
        path.parent.mkdir()
        path.with_name("journal.db-wal").write_bytes(b"what was not in the file yet")
        self.check(path, "its log is there")

    def test_kept_aside_with_its_log_it_makes_room_for_a_new_one(self, path: Path) -> None:
        path.parent.mkdir()
        names = []
        for content in (b"first", b"second"):
            path.write_bytes(content)
            path.with_name("journal.db-wal").write_bytes(content + b" log")
            names.append(keep_aside(path))
            with closing(Journal(path)) as journal:
                assert journal.restore([1, 2]) == EMPTY
        assert [name.read_bytes() for name in names] == [b"first", b"second"]
        assert [name.with_name(name.name + "-wal").read_bytes() for name in names] == [b"first log", b"second log"]

    def test_a_log_left_over_by_a_move_cut_short_overwrites_nothing(self, path: Path) -> None:
        path.parent.mkdir()
        for content in (b"first", b"second"):
            path.with_name("journal.db-wal").write_bytes(content)
            keep_aside(path)
        assert sorted(part.read_bytes() for part in path.parent.iterdir()) == [b"first", b"second"]

    def test_a_folder_that_cannot_be_written_keeps_nothing_aside(
        self, kept: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(_path: Path, _target: Path) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "rename", refuse)
        with pytest.raises(NotWritten, match="cannot be kept aside"):
            keep_aside(kept)

    def test_a_file_that_goes_bad_while_it_is_open_is_told_as_such(self, journal: Journal) -> None:
        journal._db.execute("DROP TABLE taken")
        with pytest.raises(JournalUnreadable):
            journal.was_taken("urn:power", "e1")


class TestOpening:
    def test_a_start_cut_short_leaves_no_half_made_journal(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def cut(_self: Path, _target: Path) -> Path:
            raise OSError("power cut")

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", cut)
            with pytest.raises(NotWritten, match="power cut"):
                Journal(path)
        assert not path.exists()
        Journal(path).close()
        assert [part.name for part in path.parent.iterdir()] == ["journal.db"]

    def test_a_place_where_nothing_can_be_made_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(NotWritten, match="Check rights and free space"):
            Journal(tmp_path / "file" / "journal.db")

    def test_a_disk_that_does_not_give_the_file_back_is_told(self, path: Path) -> None:
        """A folder in its place fails as a bad sector does, with an I/O error of reading."""
        path.mkdir(parents=True)
        with pytest.raises(JournalUnreadable, match="I/O error"):
            Journal(path)

    def test_missing_rights_are_no_damage(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        Journal(path).close()

        def refuse(_path: object, **_values: object) -> sqlite3.Connection:
            error = sqlite3.OperationalError("unable to open database file")
            error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
            raise error

        monkeypatch.setattr(sqlite3, "connect", refuse)
        with pytest.raises(NotWritten, match="Check rights"):
            Journal(path)
        with pytest.raises(JournalUnreadable, match="Run this as root"):
            Journal(path, read_only=True)

    def test_a_file_system_without_a_write_ahead_log_is_told(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """SQLite does not raise there, it only answers with the mode that it kept."""
        monkeypatch.setattr(journal_file, "PRAGMAS", ("locking_mode=EXCLUSIVE",))
        real = sqlite3.connect

        def in_memory(_path: object, **values: object) -> sqlite3.Connection:
            return real(":memory:", **values)  # type: ignore[call-overload,no-any-return]

        monkeypatch.setattr(sqlite3, "connect", in_memory)
        with pytest.raises(NotWritten, match="no write-ahead log"):
            Journal(path)

    def test_an_older_schema_is_brought_forward_with_what_is_in_it(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with closing(Journal(path)) as journal:
            journal.stage(writing(FULL, owed=owe(journal, ActName.END)))
        newer = (*journal_file.MIGRATIONS, "CREATE TABLE more (x); INSERT INTO more VALUES (1);")
        with monkeypatch.context() as patch:
            patch.setattr(journal_file, "MIGRATIONS", newer)
            for _ in range(2):
                with closing(Journal(path)) as journal:
                    assert journal.restore([1, 2]) == FULL
                    assert len(journal.owed()) == 1
        assert table(path, "SELECT * FROM more") == [(1,)]
        assert table(path, "PRAGMA user_version") == [(len(newer),)]
        with closing(Journal(path)) as before:
            assert before.restore([1, 2]) == FULL

    def test_a_migration_that_fails_changes_nothing(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        Journal(path).close()
        broken = (*journal_file.MIGRATIONS, "CREATE TABLE more (x); CREATE TABLE more (x);")
        with monkeypatch.context() as patch:
            patch.setattr(journal_file, "MIGRATIONS", broken)
            with pytest.raises(NotWritten):
                Journal(path)
        assert table(path, "PRAGMA user_version") == [(len(journal_file.MIGRATIONS),)]
        Journal(path).close()


class TestReadOnly:
    def test_it_reads_beside_a_running_agent_and_without_one(self, path: Path, journal: Journal) -> None:
        journal.stage(writing(FULL, owed=owe(journal, ActName.END)))
        journal.commit()

        def look() -> tuple[object, ...]:
            with closing(Journal(path, read_only=True)) as seen:
                return seen.restore([1, 2]), seen.owed(), seen.counts()

        beside = look()
        journal.close()
        before = path.read_bytes()
        assert look() == beside
        assert beside[0] == FULL
        assert path.read_bytes() == before

    def test_it_reads_what_a_killed_agent_left(self, path: Path, journal: Journal, tmp_path: Path) -> None:
        journal.stage(writing(FULL))
        journal.commit()
        copy = tmp_path / "journal.db"
        for suffix in ("", "-wal"):
            copy.with_name(copy.name + suffix).write_bytes(path.with_name(path.name + suffix).read_bytes())
        with closing(Journal(copy, read_only=True)) as seen:
            assert seen.restore([1, 2]) == FULL
        assert copy.with_name("journal.db-wal").stat().st_size > 0

    def test_it_migrates_nothing_and_writes_nothing(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        Journal(path).close()
        known = len(journal_file.MIGRATIONS)
        monkeypatch.setattr(journal_file, "MIGRATIONS", (*journal_file.MIGRATIONS, "CREATE TABLE more (x);"))
        seen = Journal(path, read_only=True)
        seen.forget("owed", [1])
        with pytest.raises(NotWritten, match="read only"):
            seen.close()
        assert table(path, "PRAGMA user_version") == [(known,)]

    def test_where_there_is_none_it_says_so_and_makes_none(self, path: Path) -> None:
        with pytest.raises(JournalUnreadable, match="There is no journal"):
            Journal(path, read_only=True)
        assert not path.exists()
