"""Random drivers, faults, kills and network cuts against the real daemon, and books that must be right in the end."""
