"""Run a command and write what it took as JSON: python measured.py FILE COMMAND…

This is a small process on purpose: the peak memory of a child is never told to be less than what
the process that started it had at its own peak.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def main(report: str, *command: str) -> None:
    clock = time.perf_counter()
    _, status, usage = os.wait4(subprocess.Popen(command).pid, 0)
    seconds = time.perf_counter() - clock
    took = {"status": status, "seconds": seconds, "peak_gigabytes": usage.ru_maxrss / 1e6}
    Path(report).write_text(json.dumps(took))


if __name__ == "__main__":
    main(*sys.argv[1:])
