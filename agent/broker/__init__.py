"""The station's line to its MQTT broker: events out, status with a last will, the inbox in (contract section 4).

One thread, `broker`, does everything; whoever calls from another leaves a note and wakes it. What is owed stays with
the mailbox until the broker has answered for it, and what comes stays with the broker until it is acknowledged here.
"""

import json
import logging
import random
import socket
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from agent.broker.link import Link
from agent.broker.mail import BrokerError, Incoming, Mailbox, Token
from agent.broker.outgoing import Kind, Outgoing, Publish
from agent.clock import Clock, boottime
from agent.config.settings import MqttSettings
from agent.connection import Connection
from agent.events import rfc3339
from agent.heartbeats import Heart
from agent.secret_files import Mark, Watched

log = logging.getLogger(__name__)

ANSWER_S = 60.0
STEADY_S = 30.0
LONGEST_PAUSE_S = 60.0
LOOK_S = 1.0
FAREWELL_S = 1.2
STOP_S = 2.0


class Watcher(Protocol):
    """Called in the thread `broker`: neither may wait or raise."""

    def published(self, publish: Publish, mid: int) -> None:
        """This has left under the packet id `mid`."""
        ...

    def answered(self, mid: int, reason: int) -> None:
        """The broker answered packet id `mid` with an MQTT 5 reason code (0 under MQTT 3.1.1)."""
        ...


def full_jitter(attempt: int) -> float:
    """Seconds to wait after the n-th failure in a row: anything between 0 and min(60, 2^n)."""
    return random.uniform(0.0, min(LONGEST_PAUSE_S, 2.0 ** min(attempt, 10)))  # noqa: S311 - spreads, hides nothing


class Broker:
    """Keeps the station connected, for ever, and moves messages both ways. Nothing here raises into another thread."""

    name = "broker"

    def __init__(
        self,
        settings: MqttSettings,
        station_id: str,
        mailbox: Mailbox,
        received: Callable[[Incoming], None],
        *,
        version: str,
        boot_id: str,
        clock: Clock,
        changed: Callable[[], None] = lambda: None,
        subscriptions: Sequence[str] = ("inbox",),
        pause: Callable[[int], float] = full_jitter,
        heart: Heart | None = None,
    ) -> None:
        """`received` and `changed` are called in the thread `broker` and should only leave a note.

        `subscriptions` are topics below `stations/{id}/`.
        """
        self._settings = settings
        self._station_id = station_id
        self._topic = f"stations/{station_id}"
        self._subscriptions = [f"{self._topic}/{each}" for each in subscriptions]
        self._received = received
        self._changed = changed
        self._about = {"version": version, "bootId": boot_id}
        self._clock = clock
        self._pause = pause
        self._outgoing = Outgoing(mailbox, f"{self._topic}/state", pause)
        self._acknowledged: deque[Token] = deque()
        self._connection = Connection(reachable=False, since=clock.now().wall)
        self._files = Watched(
            settings.password_file, settings.ca_file, settings.client_cert_file, settings.client_key_file
        )
        self._marks: tuple[Mark, ...] = ()
        self._look_at = 0.0
        self._links = 0
        self._last_complaint = ""
        self._watchers: list[Watcher] = []
        self._stopping = threading.Event()
        self._woken, self._wakes = socket.socketpair()
        self._woken.setblocking(False)
        self._wakes.setblocking(False)
        self._heart = heart or Heart(self.name)
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)

    def watch(self, watcher: Watcher) -> None:
        """Let `watcher` see what is published. Before the start."""
        self._watchers.append(watcher)

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._thread.start()

    def tell_to_end(self) -> None:
        """Say offline if connected, and end within 2 s, whatever the broker does; returns at once."""
        self._stopping.set()
        self.wake()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; whether that came. Idempotent.

        A name that is still being looked up cannot be interrupted; its daemon thread then ends with the process.
        """
        if self._thread.is_alive():
            self._thread.join(max(0.0, timeout_s))
        if self._thread.is_alive():
            return False
        self._woken.close()
        self._wakes.close()
        return True

    def stop(self) -> None:
        """Tell it to end and wait for that. Idempotent."""
        self.tell_to_end()
        if not self.join(STOP_S):
            log.warning("The broker's name is still being looked up: left to end with the process.")

    def wake(self) -> None:
        """There may be something to send: the mailbox calls this after new messages were committed. Any thread."""
        try:
            self._wakes.send(b"\0")
        except OSError:
            return  # awake already, or stopped

    def publish_state(self, payload: bytes) -> None:
        """Make this the retained `state`; those not yet sent are forgotten. Any thread."""
        self._outgoing.set_state(payload)
        self.wake()

    def acknowledge(self, token: Token) -> None:
        """What came with this token is committed. If its connection is over, the broker sends it again. Any thread."""
        self._acknowledged.append(token)
        self.wake()

    def connection(self) -> Connection:
        """Whether the broker is reached now, and since when. Any thread."""
        return self._connection

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            self._heart.work()
            began = boottime()
            try:
                self._one_connection()
            except (BrokerError, OSError) as error:
                self._complain(str(error))
            except Exception:  # the mailbox, `received` or the library: none may end the line for good
                log.exception("The broker's connection is given up and made anew.")
            failures = 1 if boottime() - began > STEADY_S else failures + 1
            self._heart.rest()
            self._stopping.wait(self._pause(failures))

    def _complain(self, sentence: str) -> None:
        """Log the same complaint once, not at every attempt."""
        if sentence != self._last_complaint:
            log.warning("No broker at %s:%d: %s", self._settings.host, self._settings.port, sentence)
        self._last_complaint = sentence

    def _one_connection(self) -> None:
        self._links += 1
        self._marks = self._files.marks()
        link = Link(self._settings, self._station_id, self._links, self._status("offline"), self._stopping.is_set)
        try:
            link.await_answer(self._woken, self._stopping.is_set)
            self._greet(link)
            while not self._stopping.is_set() and not self._files_changed():
                self._step(link)
            self._leave(link)
        finally:
            link.close()
            if self._connection.reachable:
                self._report(reachable=False)

    def _files_changed(self) -> bool:
        """Whether the connection stands on a password or certificate that has been replaced; looks once a second."""
        if boottime() < self._look_at:
            return False
        self._look_at = boottime() + LOOK_S
        if self._files.marks() == self._marks:
            return False
        log.info("The password or TLS files for the broker have changed: connecting anew.")
        return True

    def _greet(self, link: Link) -> None:
        self._outgoing.connected(link.receive_maximum, link.largest_packet)
        link.subscribe(self._subscriptions)
        self._send(link, self._status("online"))
        self._report(reachable=True)
        self._last_complaint = ""
        log.info("Connected to the broker at %s:%d.", self._settings.host, self._settings.port)

    def _report(self, *, reachable: bool) -> None:
        self._connection = Connection(reachable, self._clock.now().wall)
        self._changed()

    def _step(self, link: Link) -> None:
        """Send what may leave, then wait for the broker or for a wake and take what came."""
        self._heart.work()
        for publish in self._outgoing.due(boottime()):
            self._send(link, publish)
        if self._outgoing.overdue(boottime(), ANSWER_S):
            raise BrokerError(f"a message has had no answer for {ANSWER_S:.0f} s")
        self._exchange(link, self._outgoing.patience(boottime(), LOOK_S))

    def _exchange(self, link: Link, wait_s: float) -> None:
        while self._acknowledged:
            link.acknowledge(self._acknowledged.popleft())
        if link.turn(self._woken, wait_s):
            self._outgoing.more()
        while link.answers:
            mid, reason = link.answers.popleft()
            self._outgoing.answered(mid, reason, boottime())
            for watcher in self._watchers:
                watcher.answered(mid, reason)
        while link.messages:
            self._received(link.messages.popleft())

    def _send(self, link: Link, publish: Publish) -> int:
        mid = link.publish(publish)
        self._outgoing.sent(mid, publish, boottime())
        for watcher in self._watchers:
            watcher.published(publish, mid)
        return mid

    def _leave(self, link: Link) -> None:
        """Say offline. Without an answer the connection is just cut, and the last will says it."""
        until = boottime() + FAREWELL_S
        while not self._outgoing.idle() and boottime() < until - FAREWELL_S / 2:
            self._exchange(link, FAREWELL_S / 10)
        mid = self._send(link, self._status("offline"))
        while self._outgoing.flying(mid):
            if boottime() >= until:
                return
            self._exchange(link, FAREWELL_S / 10)
        link.disconnect()

    def _status(self, state: str) -> Publish:
        """`since` is now; in a last will that is when its connection was made: brokers add no time of their own."""
        said = {"state": state, "since": rfc3339(self._clock.now().wall), **self._about}
        return Publish(Kind.STATUS, f"{self._topic}/status", json.dumps(said).encode(), "application/json")
