"""`python -m agent` is `station-agent`."""

from agent.cli import main

main(prog_name="station-agent")
