"""The socket of the lights process."""

import os
import pwd
import socket
from pathlib import Path

from hardware.parts import PartMissing
from hardware.sockets import at_path

FOLDER_MODE = 0o750
SOCKET_MODE = 0o660


def users_of(agent: str) -> frozenset[int]:
    """Who may drive the lights: root, whoever runs this process, and the agent's user if there is one."""
    entry = _entry(agent)
    return frozenset({0, os.geteuid()} if entry is None else {0, os.geteuid(), entry.pw_uid})


def listen_at(path: Path, agent: str) -> socket.socket:
    """Listen at `path`, open to the own user and to the group of the agent's user; the folder is made if need be.

    Raises PartMissing if somebody listens there already, or if there can be no socket.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if not path.parent.is_dir():
            path.parent.mkdir(mode=FOLDER_MODE, parents=True)
            _hand_over(path.parent, agent)
        _remove_leftover(path)
        # The mode a socket has before bind is the mode its name gets: nobody else can slip in between.
        os.fchmod(listener.fileno(), 0o600)
        at_path(path, listener.bind)
        _hand_over(path, agent)
        path.chmod(SOCKET_MODE)
        listener.listen()
    except OSError as error:
        listener.close()
        raise PartMissing(f"nobody can listen at {path} ({error}): run as root, or name another --socket") from error
    except PartMissing:
        listener.close()
        raise
    return listener


def _entry(agent: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(agent)
    except KeyError:
        return None


def _hand_over(path: Path, agent: str) -> None:
    entry = _entry(agent)
    if entry is not None and path.stat().st_gid != entry.pw_gid:
        os.chown(path, -1, entry.pw_gid)


def _remove_leftover(path: Path) -> None:
    """A socket that nobody answers at is what a killed process left."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            at_path(path, probe.connect)
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            path.unlink()
            return
    raise PartMissing(f"a lights process listens at {path} already: stop that one first")
