"""Faults to plant in the code, one at a time, each with the tests that have to catch it.

Each is a mistake that somebody could make, or that stations in the field do make. `old` stands exactly once in its
file.
"""

from support.lock_plants import LOCK_PLANTS
from support.plant import Plant
from support.wire_plants import WIRE_PLANTS

WORKFLOW = "tests/agent/workflow"
PLANTS = (
    # The road and the journal.
    Plant(
        "bolts are drawn before the commit",
        "agent/road.py",
        "        if not self._keeping.keep(fact, before, after, effects):\n",
        "        self.station = after\n        self.draw()\n        self.station = before\n"
        "        if not self._keeping.keep(fact, before, after, effects):\n",
        "tests/agent/test_road.py",
    ),
    Plant(
        "acts leave though their commit failed",
        "agent/keeping.py",
        "            if effects.durable and not self._commit(synced=not effects.again) and not self.broken:\n",
        "            if effects.durable and not self._commit(synced=not effects.again) and False:\n",
        "tests/agent/test_road.py",
    ),
    Plant(
        "nothing is durable",
        "agent/keeping.py",
        "            if effects.durable and not self._commit(",
        "            if False and not self._commit(",
        "tests/agent/test_road.py",
    ),
    Plant(
        "a confirmed lock is told before it is written down",
        "agent/workflow/start.py",
        "        turn.owe_session(session, ActName.LOCK)\n",
        "        turn._wanted['owed'].append(session_act(session, ActName.LOCK))\n",
        "tests/agent/workflow/test_start.py",
    ),
    Plant(
        "an inbox event is taken twice",
        "agent/road.py",
        "if isinstance(fact, EventReceived) and self._journal.was_taken(fact.source, fact.event_id):",
        "if isinstance(fact, EventReceived) and False:",
        "tests/agent/test_road.py",
    ),
    Plant(
        "the broker is told before the commit",
        "agent/keeping.py",
        "        if not self._journal.staged:\n            taken, self._taken",
        "        if True:\n            taken, self._taken",
        "tests/agent/test_road.py",
    ),
    Plant(
        "the journal may lose its last commits",
        "agent/journal/file.py",
        '"synchronous=FULL"',
        '"synchronous=OFF"',
        "tests/agent/test_journal.py",
    ),
    Plant(
        "ids of owed acts are used twice",
        "agent/journal/file.py",
        "CREATE TABLE owed (id INTEGER PRIMARY KEY AUTOINCREMENT, act",
        "CREATE TABLE owed (id INTEGER PRIMARY KEY, act",
        "tests/agent/test_journal.py",
    ),
    Plant(
        "history is pruned with what is owed",
        "agent/journal/journal.py",
        '"commands": 1}',
        '"commands": 1, "messages": kept.history_days}',
        "tests/agent/test_journal.py",
    ),
    Plant(
        "what a full disk did not take is forgotten",
        "agent/journal/store.py",
        "        self.pending: list[Statement] = list(record.statements) if record else []\n",
        "        self.pending: list[Statement] = []\n",
        "tests/agent/test_store.py",
    ),
    Plant(
        "what was written in the end is written twice",
        "agent/journal/store.py",
        "        if record and self._has(record):\n",
        "        if False and record and self._has(record):\n",
        "tests/agent/test_store.py",
    ),
    Plant(
        "an unreadable journal makes a new station",
        "agent/journal/file.py",
        "            _build(new, lost=reason)\n",
        "            _build(new)\n",
        "tests/agent/test_store.py",
    ),
    Plant(
        "nobody knows the slots, so they are opened",
        "agent/workflow/recovery.py",
        "phase=Phase.UNKNOWN if fact.seen.get(slot.number, True) else Phase.FREE",
        "phase=Phase.FREE",
        f"{WORKFLOW}/test_recovery.py",
    ),
    # Keys, lanes and refusals.
    Plant(
        "a key is made anew for every attempt",
        "agent/supplier/__init__.py",
        '{"Idempotency-Key": act.key}',
        '{"Idempotency-Key": act.key + str(self._clock.now().boottime)}',
        "tests/agent/test_supplier.py tests/agent/test_supplier_simulated.py",
    ),
    Plant(
        "keys do not outlive the process",
        "agent/workflow/turn.py",
        '    return str(uuid.uuid5(KEYS, "/".join(str(name) for name in names)))\n',
        "    return str(uuid.uuid4())\n",
        f"{WORKFLOW}/test_recovery.py {WORKFLOW}/test_offline.py",
    ),
    Plant(
        "three attempts, then gone",
        "agent/outbox.py",
        "            self._retry(owed, outcome)\n",
        "            self._retry(owed, outcome) if owed.attempts < 3 else self._lanes.drop(owed)\n",
        "tests/agent/test_outbox.py",
    ),
    Plant(
        "a message is gone before it is delivered",
        "agent/broker/mailbox.py",
        "            return [self._ahead.popleft() for _ in range(min(limit, len(self._ahead)))]\n",
        "            taken = [self._ahead.popleft() for _ in range(min(limit, len(self._ahead)))]\n"
        "            self._gone += [parcel.id for parcel in taken]\n            return taken\n",
        "tests/agent/test_mailbox.py",
    ),
    Plant(
        "one refused message holds up all others",
        "agent/broker/outgoing.py",
        "        elif reason in HELD_BACK and not flight.publish.reply:\n",
        "        elif reason >= FIRST_FAILURE:\n",
        "tests/agent/test_outgoing.py",
    ),
    Plant(
        "one session waits for another",
        "agent/workflow/turn.py",
        '    return session.lane or f"session:{session.id}"\n',
        '    return "session:all"\n',
        f"{WORKFLOW} tests/agent/test_outbox.py",
    ),
    Plant(
        "a payment without an answer holds up the rest for ever",
        "agent/lanes.py",
        "        return head.first_tried + self._pay_wait_s\n",
        "        return None\n",
        "tests/agent/test_lanes.py",
    ),
    Plant(
        "Retry-After is not heard",
        "agent/lanes.py",
        "    return max(backoff, min(retry_after_s or 0.0, RETRY_AFTER_MAX_S))\n",
        "    return backoff\n",
        "tests/agent/test_lanes.py tests/agent/test_outbox.py",
    ),
    Plant(
        "a lost payment's second answer counts as refused",
        "agent/workflow/end.py",
        "(problem.status == CONFLICT and repeated)",
        "(problem.status == CONFLICT and False)",
        f"{WORKFLOW}/test_end.py",
    ),
    Plant(
        "a refused act is tried again under its old key",
        "agent/workflow/aside.py",
        "    refusals = refusals_before(act) + refused\n",
        "    refusals = refusals_before(act)\n",
        f"{WORKFLOW}/test_commands.py",
    ),
    Plant(
        "starts go on when nothing more may be owed",
        "agent/workflow/start.py",
        '    if turn.station.full or "StorageFailure/0"',
        '    if "StorageFailure/0"',
        "tests/agent/test_road.py",
    ),
    # Taps, starts and ends.
    Plant(
        "a resting card is tapped again",
        "hardware/presence.py",
        "        return self.misses >= _CLEAN_MISSES and now - self.last_seen >= _ABSENT_S\n",
        "        return self.misses >= 1\n",
        "tests/hardware/test_presence.py",
    ),
    Plant(
        "a card that was there at the start is a tap",
        "hardware/presence.py",
        "        return () if self._starting or self._meets_strangers() else (Tapped(uid),)\n",
        "        return () if self._meets_strangers() else (Tapped(uid),)\n",
        "tests/hardware/test_presence.py",
    ),
    Plant(
        "a double tap starts and stops",
        "agent/workflow/taps.py",
        "    return turn.station.visit_of(card) is None and seen.until <= turn.now\n",
        "    return turn.station.visit_of(card) is None\n",
        f"{WORKFLOW}/test_taps.py",
    ),
    Plant(
        "a start falls through into an end",
        "agent/workflow/start.py",
        "    session = turn.session(session, start=Progress.DONE)\n    data",
        "    session = turn.session(session, start=Progress.DONE, end=Progress.OWED)\n"
        "    turn.owe_session(session, ActName.END)\n    data",
        f"{WORKFLOW}/test_golden.py",
    ),
    Plant(
        "a lock that did not confirm is a session",
        "agent/workflow/bolts.py",
        "        case Phase.STARTING if fact.locked is False:\n            lock_failed(turn, slot)\n",
        "        case Phase.STARTING if fact.locked is False and False:\n            lock_failed(turn, slot)\n",
        f"{WORKFLOW}/test_start.py",
    ),
    Plant(
        "what nobody waits for is not given back",
        "agent/workflow/acquire.py",
        "        if fact.grant:\n            give_back_grant(turn, fact.act.card, fact.grant)\n",
        "        if fact.grant and False:\n            give_back_grant(turn, fact.act.card, fact.grant)\n",
        f"{WORKFLOW}/test_start.py",
    ),
    Plant(
        "another card's session is believed",
        "agent/workflow/taps.py",
        "    return named.slot in turn.station.slots and named.card == visit.card and"
        " (not known or known.card == visit.card)\n",
        "    return named.slot in turn.station.slots and (known is known)\n",
        f"{WORKFLOW}/test_taps.py {WORKFLOW}/test_every_fact.py",
    ),
    Plant(
        "a vehicle is kept in while the supplier is away",
        "agent/workflow/deadlines.py",
        "            unlock_slot(turn, turn.station.sessions[visit.session])\n",
        "            return\n",
        f"{WORKFLOW}/test_end.py",
    ),
    Plant(
        "an ended session is told before its start",
        "agent/workflow/end.py",
        "    if not session.announced and session.start is not Progress.OWED:\n        announce(turn, session)\n"
        "    finish_at",
        "    if not session.announced:\n        announce(turn, session)\n    finish_at",
        f"{WORKFLOW}/test_end.py {WORKFLOW}/test_invariants.py",
    ),
    Plant(
        "an unpaid vehicle is let go where it should be held",
        "agent/workflow/end.py",
        'turn.rules.unpaid_release == "hold"',
        'turn.rules.unpaid_release == "never"',
        f"{WORKFLOW}/test_end.py",
    ),
    Plant(
        "a driver who has gone gets his slot after a reboot",
        "agent/workflow/recovery.py",
        "    if slot.phase in UNCONFIRMED and turn.fact.at.age_of(session.tapped) >= FRESH_S:\n",
        "    if slot.phase in UNCONFIRMED and False:\n",
        f"{WORKFLOW}/test_recovery.py",
    ),
    Plant(
        "anybody starts without the supplier",
        "agent/workflow/offline.py",
        "    return visit.known and fresh",
        "    return fresh",
        f"{WORKFLOW}/test_offline.py",
    ),
    Plant(
        "a live acquire overtakes one of a session that has begun",
        "agent/lanes.py",
        "        begun = self._begun()\n",
        "        begun: list[Owed] = []\n",
        "tests/agent/test_lanes.py",
    ),
    Plant(
        "a forced slot locks again by itself",
        "agent/face.py",
        "    if slot.forced:\n",
        "    if slot.forced and False:\n",
        f"{WORKFLOW}/test_commands.py",
    ),
    Plant(
        "a start locks before its vehicle is there",
        "agent/workflow/start.py",
        "    if slot.vehicle is False:\n",
        "    if slot.vehicle is False and False:\n",
        f"{WORKFLOW}/test_vehicles.py",
    ),
    Plant(
        "a loose contact ends a session behind a locked bolt",
        "agent/workflow/vehicles.py",
        "slot.vehicle is False and is_open",
        "slot.vehicle is False",
        f"{WORKFLOW}/test_vehicles.py",
    ),
    Plant(
        "a forced bolt is not told",
        "agent/workflow/bolts.py",
        "    elif belongs_locked(turn, slot) is not None and",
        "    elif belongs_locked(turn, slot) is None and",
        f"{WORKFLOW}/test_lock_forced.py",
    ),
    Plant(
        "the release contact leaves whoever charges locked in",
        "agent/workflow/release.py",
        "            turn.move(slot.number, forced=True)\n",
        "            turn.move(slot.number)\n",
        f"{WORKFLOW}/test_release.py",
    ),
    Plant(
        "an open slot is permitted power",
        "agent/face.py",
        "    return sure and slot.phase is Phase.CHARGING and wanted(station, slot) is Position.LOCKED\n",
        "    return slot.phase is Phase.CHARGING\n",
        f"{WORKFLOW}/test_release.py {WORKFLOW}/test_lock_forced.py",
    ),
    *LOCK_PLANTS,
    *WIRE_PLANTS,
)
