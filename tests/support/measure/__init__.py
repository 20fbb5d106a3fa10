"""How fast and how light the station is: scripts/bench. Nothing here is a test, and no timing decides one."""
