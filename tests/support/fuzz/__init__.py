"""Hostile input, by the hundred thousand, at every door of the station: scripts/fuzz."""
