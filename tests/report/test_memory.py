import subprocess
import sys

MEBIBYTE = 2**20

# Runs in its own process, because children of earlier tests that are still ending would count here.
PROGRAM = f"""
from trinity_chord.report.memory import watch_memory

with watch_memory(seconds=0.02) as peak:
    peak.measure()
    before = peak.bytes
    block = bytearray(64 * {MEBIBYTE})
    block[::4096] = b"x" * len(block[::4096])
    peak.measure()
    del block
print(before, peak.bytes)
"""


def test_the_peak_includes_memory_that_was_freed():
    printed = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    ).stdout
    before, peak = map(int, printed.split())
    assert before > 0
    assert 60 * MEBIBYTE < peak - before < 200 * MEBIBYTE
