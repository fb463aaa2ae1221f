"""The verifier: agreement with `math_verify`, and answers that break it."""

import logging
import os
import resource
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import math_verify
import psutil
import pytest

from tests.rewards.answer_pairs import DEBATABLE, EQUAL, UNEQUAL
from trinity_chord.json_process import ProcessError
from trinity_chord.rewards.verifier import MathVerifier, Verdict

HOSTILE = {
    "a tower of powers": r"\boxed{9^{9^{9^9}}}",
    "a factorial": r"\boxed{10000000000!}",
    "an endless sum": r"\boxed{\sum_{n=1}^{10^{10}} n^{n}}",
    "deep parentheses": r"\boxed{" + "(" * 3000 + "1" + ")" * 3000 + "}",
    "deep fractions": r"\boxed{" + r"\frac{1}{" * 400 + "1" + "}" * 400 + "}",
}
LABELED = [
    (gold, answer, equal)
    for table, equal in ((EQUAL, True), (UNEQUAL, False))
    for pairs in table.values()
    for gold, answer in pairs
]


@pytest.fixture(scope="module")
def verifier():
    with MathVerifier(timeout=60) as started:
        yield started


@pytest.fixture(scope="module")
def verdicts(verifier) -> dict[tuple[str, str], Verdict]:
    pairs = [(gold, answer) for gold, answer, _ in LABELED] + DEBATABLE
    return {(gold, answer): verifier.verify(answer, gold) for gold, answer in pairs}


@pytest.fixture
def hasty():
    with MathVerifier(timeout=0.3) as started:
        yield started


def processes() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


def by_math_verify(gold: str, answer: str) -> bool:
    """Return the verdict of `math_verify` in this process."""
    extraction = [
        math_verify.LatexExtractionConfig(boxed_match_priority=0),
        math_verify.ExprExtractionConfig(),
    ]
    marked = any(mark in gold for mark in ("$", r"\boxed"))

    def parse(text: str) -> list:
        return math_verify.parse(text, extraction, parsing_timeout=60)

    boxed = rf"\boxed{{{gold}}}"
    wanted = parse(gold if marked else boxed) or parse(boxed)
    return bool(math_verify.verify(wanted, parse(answer), timeout_seconds=60))


def test_at_least_200_pairs_get_the_verdict_of_math_verify(verdicts):
    logging.getLogger("math_verify").setLevel(logging.ERROR)
    assert len(verdicts) >= 200
    differing = [
        (gold, answer[:80])
        for (gold, answer), verdict in verdicts.items()
        if verdict != Verdict(by_math_verify(gold, answer))
    ]
    assert differing == []


def test_all_but_debatable_pairs_get_the_verdict_of_a_person(verdicts):
    differing = [
        (gold, answer[:80])
        for gold, answer, equal in LABELED
        if verdicts[gold, answer].correct != equal
    ]
    assert differing == []


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE.keys())
def test_an_answer_that_hangs_counts_as_wrong_with_the_reason(hasty, answer):
    assert hasty.verify(answer, "72") == Verdict(False, "timeout")


def test_after_an_answer_that_hangs_the_process_is_replaced_and_leaves_no_zombie(hasty):
    before = processes()
    hasty.verify("1", "1")
    (first,) = processes() - before
    hasty.verify(HOSTILE["a tower of powers"], "72")
    assert processes() == before
    assert hasty.verify(r"\boxed{72}", "72").correct
    (second,) = processes() - before
    assert second != first


def test_a_process_that_dies_during_a_comparison_is_a_crash():
    before = processes()
    with MathVerifier(timeout=30) as own:
        own.verify("1", "1")
        (pid,) = processes() - before
        os.kill(pid, signal.SIGSTOP)
        threading.Timer(0.2, os.kill, (pid, signal.SIGKILL)).start()
        assert own.verify("1", "1") == Verdict(False, "crash")
        assert own.verify("1", "1").correct


def test_a_process_that_reads_nothing_is_a_timeout():
    before = processes()
    with MathVerifier(timeout=0.3) as own:
        own.verify("1", "1")
        (pid,) = processes() - before
        os.kill(pid, signal.SIGSTOP)
        assert own.verify("1" * 150_000, "1") == Verdict(False, "timeout")


def test_a_process_that_died_between_comparisons_costs_no_answer():
    before = processes()
    with MathVerifier() as own:
        own.verify("1", "1")
        (pid,) = processes() - before
        os.kill(pid, signal.SIGKILL)
        psutil.wait_procs([psutil.Process(pid)], timeout=10)
        assert own.verify("1", "1").correct


def test_a_process_is_reused_for_the_next_comparison():
    before = processes()
    with MathVerifier() as own:
        own.verify("1", "1")
        first = processes() - before
        own.verify("2", "1")
        assert processes() - before == first
    assert processes() == before


def test_nothing_starts_before_the_first_comparison():
    before = processes()
    with MathVerifier():
        assert processes() == before


def test_a_process_cannot_use_more_than_its_memory():
    before = processes()
    with MathVerifier(memory=512) as own:
        own.verify("1", "1")
        (pid,) = processes() - before
        assert resource.prlimit(pid, resource.RLIMIT_AS) == (512 * 2**20, 512 * 2**20)


def test_a_process_that_uses_half_of_its_memory_is_replaced():
    before = processes()
    with MathVerifier(memory=110) as own:  # The imports take more than 55 MB of address space.
        assert own.verify("1", "1").correct
        assert processes() == before
        assert own.verify("1", "1").correct


def test_a_process_that_cannot_start_is_an_error_that_says_how_to_see_why():
    with pytest.raises(ProcessError, match="import math_verify"):
        MathVerifier(memory=20).verify("1", "1")


def test_threads_share_the_processes():
    before = processes()
    seen = set()

    def compare(number: int) -> bool:
        right = own.verify(rf"\boxed{{{number}}}", str(number)).correct
        wrong = own.verify(rf"\boxed{{{number}}}", str(number + 1)).correct
        seen.update(processes() - before)
        return right and not wrong

    with MathVerifier(workers=2) as own, ThreadPoolExecutor(8) as pool:
        assert all(pool.map(compare, range(40)))
    assert 1 <= len(seen) <= 2


def test_a_forked_child_starts_its_own_process():
    code = """if True:
        import os, sys
        from trinity_chord.rewards.verifier import shared_verifier
        assert shared_verifier().verify("1", "1").correct
        child = os.fork()
        correct = shared_verifier().verify("2", "2").correct
        if not child:
            sys.exit(0 if correct else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert correct
    """
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_no_process_is_left_when_the_parent_is_killed():
    code = """if True:
        import psutil, sys, time
        from trinity_chord.rewards.verifier import shared_verifier
        shared_verifier().verify("1", "1")
        print(psutil.Process().children()[0].pid, flush=True)
        time.sleep(60)
    """
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        worker = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    assert psutil.wait_procs([worker], timeout=10)[1] == []


def test_a_file_named_math_in_the_working_folder_is_not_imported(tmp_path, monkeypatch):
    (tmp_path / "math.py").write_text("raise ImportError('not the real one')")
    monkeypatch.chdir(tmp_path)
    with MathVerifier() as own:
        assert own.verify("1", "1").correct


def test_a_gold_answer_that_cannot_be_parsed_is_reported(verifier):
    assert verifier.verify(r"\boxed{1}", "") == Verdict(False, "gold")


def test_megabytes_of_text_are_reduced_to_the_last_box_or_the_end(verifier):
    text = "so it goes, " * 500_000
    assert verifier.verify(r"\boxed{72}" + text, "72") == Verdict(True)
    assert verifier.verify(text + "the answer is 72", "72") == Verdict(True)
    assert verifier.verify("the answer is 72" + text, "72") == Verdict(False)


@pytest.mark.parametrize("text", ["\x00", "\ud800", "a\nb\r\n{}", '"}'])
def test_any_characters_reach_the_process(verifier, text):
    assert verifier.verify(text + r" \boxed{72}", "72") == Verdict(True)


@pytest.mark.parametrize("key", ["workers", "timeout", "memory", "max_characters"])
def test_a_number_that_is_not_above_0_is_refused(key):
    with pytest.raises(ValueError, match=f"`{key}`: got 0"):
        MathVerifier(**{key: 0})
