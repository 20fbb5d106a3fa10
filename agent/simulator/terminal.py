"""What can be typed into a running simulation."""

import os
import select
import threading
from collections.abc import Callable, Iterator

from agent.simulator.hands import BadCard, CardLies, FaultStays, Hands, UnknownFault
from hardware.emulated.world import WorldRefused

CHUNK = 4096
LONGEST = 4096
MOST_DIGITS = 10
STOP_S = 5.0
HELP = """\
tap UID      hold a card to the reader for a moment, such as: tap 04A1B2C3D4E5F6
hold UID     lay a card on the reader
remove UID   take it away
park N       drive a vehicle into slot N
leave N      drive it away
fault NAME   break something, or mend it if it is broken: {faults}
help         this
quit         end the simulation, as Ctrl-C does"""


class Terminal:
    """Does what is typed; `said` prints an answer, `quit_asked` ends the simulation. Its thread is named `terminal`."""

    def __init__(self, hands: Hands, said: Callable[[str], None], quit_asked: Callable[[], None]) -> None:
        self._hands = hands
        self._said = said
        self._quit_asked = quit_asked
        self._bell = os.eventfd(0, os.EFD_CLOEXEC)
        self._thread: threading.Thread | None = None

    def start(self, keyboard: int) -> None:
        """Read lines from this file descriptor until it ends."""
        self._thread = threading.Thread(target=self._run, args=[keyboard], name="terminal", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Read no further; a line half typed is left where it is."""
        os.eventfd_write(self._bell, 1)
        if self._thread is not None:
            self._thread.join(STOP_S)
        os.close(self._bell)

    def _run(self, keyboard: int) -> None:
        for line in typed(keyboard, self._bell):
            self.do(line)

    def do(self, line: str) -> None:
        """Do what one line says."""
        command, _, argument = line.strip().partition(" ")
        argument = argument.strip()
        try:
            match command.lower():
                case "":
                    return
                case "tap":
                    self._hands.tap(argument)
                case "hold":
                    self._hands.hold(argument)
                case "remove":
                    self._hands.remove(argument)
                case "park" | "leave":
                    self._hands.drive(slot_of(argument), command.lower() == "park")
                case "fault":
                    self._hands.toggle_fault(argument)
                case "help":
                    faults = [f"{name} (on)" if on else name for name, on in self._hands.faults.items()]
                    self._said(HELP.format(faults=", ".join(faults)))
                case "quit":
                    self._quit_asked()
                case _:
                    self._said(f"{command[:40]!r} is no command; type help")
        except (BadCard, CardLies, WorldRefused, UnknownFault, FaultStays) as error:
            self._said(str(error))


def slot_of(argument: str) -> int:
    """A slot's number as it is typed; 0, which no slot has, for anything else."""
    return int(argument) if argument.isdecimal() and len(argument) < MOST_DIGITS else 0


def typed(keyboard: int, bell: int) -> Iterator[str]:
    """Lines as they are typed, until the keyboard ends or the bell rings.

    select(2), because a thread that blocks in a read of standard input could not be ended.
    """
    rest = b""
    while True:
        try:
            ready, _, _ = select.select([keyboard, bell], [], [])
            chunk = b"" if bell in ready else os.read(keyboard, CHUNK)
        except (OSError, ValueError):  # there is none, or it belongs to another job now
            return
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        rest = rest[:LONGEST]
        yield from (line.decode(errors="replace") for line in lines)
