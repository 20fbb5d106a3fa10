"""Does in a virtual machine what the test outside asks: a command a line, answered by its end and its words."""

import json
import subprocess
import sys
from pathlib import Path


def main(port: Path) -> None:
    """Serve the virtio port until the machine ends."""
    with port.open("r+b", buffering=0) as line:
        while asked := line.readline():
            done = subprocess.run(
                json.loads(asked),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                check=False,
            )
            answer = {"ended": done.returncode, "said": done.stdout.decode(errors="replace")}
            line.write(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
