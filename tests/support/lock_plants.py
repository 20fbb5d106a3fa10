"""Faults to plant in the locks; see plants.py."""

from support.plant import Plant

LOCK_PLANTS = (
    Plant(
        "a motor does not rest",
        "hardware/duty.py",
        "        self._until = self._clock() + REST_TIMES * seconds\n",
        "        self._until = self._clock() + seconds\n",
        "tests/hardware/test_motor.py tests/hardware/test_motor_keeper.py",
    ),
    Plant(
        "a motor that was just opened has rested",
        "hardware/duty.py",
        "        return REST_TIMES * longest_s\n",
        "        return 0.0\n",
        "tests/hardware/test_motor.py",
    ),
    Plant(
        "a kill in a pulse is no work",
        "hardware/duty.py",
        "                return REST_TIMES * max(worked_s, longest_s) if 0 <= worked_s <= CUT_S else longest_rest_s\n",
        "                return 0.0 * worked_s\n",
        "tests/hardware/test_duty.py",
    ),
    Plant(
        "a pulse ends when its sensor has answered",
        "hardware/lock_keeper.py",
        "        bolt.seen = None if busy else self._look(bolt)\n",
        "        bolt.seen = self._look(bolt)\n",
        "tests/hardware/test_motor_keeper.py",
    ),
    Plant(
        "a mistake in a step leaves a motor running",
        "hardware/lock_keeper.py",
        "            self.halt()\n            raise\n",
        "            raise\n",
        "tests/hardware/test_motor_keeper.py",
    ),
    Plant(
        "a motor that goes on when the station stops",
        "hardware/motor.py",
        "        self._closed = True\n        self.halt()\n",
        "        self._closed = True\n",
        "tests/hardware/test_motor.py tests/hardware/test_board_locks.py",
    ),
    Plant(
        "a bolt opens as soon as its power is withdrawn",
        "hardware/interlock.py",
        "self._off_since + OFF_S - self._clock()",
        "self._off_since - self._clock()",
        "tests/hardware/test_permit.py",
    ),
    Plant(
        "power comes back without being granted again",
        "hardware/lock_keeper.py",
        "                self._granted.discard(slot)\n        self.wake.set()",
        "                pass\n        self.wake.set()",
        "tests/hardware/test_permit.py",
    ),
    Plant(
        "a restart interrupts charging",
        "hardware/locks.py",
        "        granted = permitted and",
        "        granted = False and permitted and",
        "tests/hardware/test_permit.py",
    ),
    Plant(
        "a soft hold is let go at the start",
        "hardware/pwm.py",
        "(line.hold if powered else line.off)()",
        "line.off()",
        "tests/hardware/test_pwm.py tests/hardware/test_board_locks.py",
    ),
    Plant(
        "a bolt that only jams where it should be is believed",
        "hardware/lock_keeper.py",
        " and bolt.lock.stays(order.position)",
        "",
        "tests/hardware/test_lock_keeper.py",
    ),
    Plant(
        "a coil stays at full power",
        "hardware/solenoid.py",
        "        self._line.hold()\n",
        "",
        "tests/hardware/test_solenoid.py",
    ),
    Plant(
        "a station that is gone lets bolts go under power",
        "hardware/safe_state.py",
        "        wait(OFF_S)\n",
        "        pass\n",
        "tests/hardware/test_safe_state.py",
    ),
)
