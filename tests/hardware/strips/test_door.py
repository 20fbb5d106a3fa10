"""The socket of the lights process: whose it is, and what is left of it."""

import os
from pathlib import Path

import pytest
from support.lights import Shelf, served

from hardware.parts import PartMissing
from hardware.strips.door import listen_at, users_of


def test_the_socket_is_its_groups_only_and_a_leftover_is_replaced(path: Path) -> None:
    for _ in range(2):
        listener = listen_at(path, "nobody-of-this-name")
        assert path.stat().st_mode & 0o777 == 0o660
        assert path.parent.stat().st_mode & 0o777 == 0o750
        listener.close()


def test_only_one_can_listen(shelf: Shelf, path: Path) -> None:
    with served(shelf, path), pytest.raises(PartMissing, match="stop that one first"):
        listen_at(path, "station-agent")


def test_a_place_where_nobody_can_listen_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PartMissing, match="run as root"):
        listen_at(tmp_path / "file" / "socket", "station-agent")


def test_root_and_the_agents_user_may_connect() -> None:
    assert users_of("nobody-of-this-name") == {0, os.geteuid()}
    assert users_of("daemon") == {0, os.geteuid(), 1}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a socket away")
def test_the_socket_belongs_to_the_agents_group(path: Path) -> None:
    listener = listen_at(path, "daemon")
    assert (path.stat().st_gid, path.parent.stat().st_gid) == (1, 1)
    listener.close()
