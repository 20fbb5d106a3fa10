"""Which version this is, and since when it has existed."""

VERSION = "0.1.0"
RELEASED = 1795305600.0
"""Unix seconds of the release (2026-11-22): a clock that shows an earlier time is not set."""
