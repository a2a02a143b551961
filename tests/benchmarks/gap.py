"""The relative gap against time: python tests/benchmarks/gap.py [N]"""

import sys
import time

from common import fitted, print_table, surface


def rounds(n):
    clock, seen = time.perf_counter(), []

    def note(round_, fit, certificate):
        passed = time.perf_counter() - clock
        gap = f"{certificate.relative_gap:.1e}"
        seen.append(
            [
                str(round_),
                f"{passed:.2f}",
                str(len(fit.wedges)),
                f"{certificate.objective:.9f}",
                gap,
                certificate.scope,
            ]
        )

    fitted(*surface(n), (2,), 2, 0.01, on_round=note)
    return seen


if __name__ == "__main__":
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 3_000
    header = ["round", "seconds", "neurons", "objective", "gap", "scope"]
    print_table(f"Gap against time, two columns, n = {n:,}", header, rounds(n))
