import subprocess
import sys

MEBIBYTE = 2**20

# In a process of its own: an earlier test's children may still be ending in this one, and then the
# peak is theirs.
PROGRAM = f"""
from trinity_chord.report.memory import watch_memory

with watch_memory(seconds=0.02) as peak:
    peak.look()
    before = peak.bytes
    block = bytearray(64 * {MEBIBYTE})
    block[::4096] = b"x" * len(block[::4096])
    peak.look()
    del block
print(before, peak.bytes)
"""


def test_the_peak_counts_memory_that_was_given_back():
    printed = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    ).stdout
    before, peak = map(int, printed.split())
    assert before > 0
    assert 60 * MEBIBYTE < peak - before < 200 * MEBIBYTE
