from trinity_chord.report.memory import watch_memory

MEBIBYTE = 2**20


def test_the_peak_counts_memory_that_was_given_back():
    with watch_memory(seconds=0.02) as peak:
        peak.look()
        before = peak.bytes
        block = bytearray(64 * MEBIBYTE)
        block[::4096] = b"x" * len(block[::4096])
        peak.look()
        del block
    assert before > 0
    assert 60 * MEBIBYTE < peak.bytes - before < 200 * MEBIBYTE
