"""How the rows of a batch are apportioned among the sets."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from trinity_chord.expert_data.shares import Shares

SHARES = st.lists(st.decimals("0.01", "50", places=2).map(float), min_size=1, max_size=6)


def counts(sequence: list[int], sets: int) -> list[int]:
    return [sequence.count(i) for i in range(sets)]


def test_three_to_one_in_a_batch_of_eight():
    assert counts(Shares([3, 1]).next_sets([0, 0], 8), 2) == [6, 2]


def test_a_remainder_is_carried_to_the_next_batch():
    """Batches of 1 at 1 to 1: one row of each set in turn, never two of the same."""
    shares, taken = Shares([1, 1]), [0, 0]
    order = []
    for _ in range(6):
        (chosen,) = shares.next_sets(taken, 1)
        taken[chosen] += 1
        order.append(chosen)
    assert order == [0, 1, 0, 1, 0, 1]


def test_a_third_is_exact_after_every_three_rows():
    shares = Shares([0.5, 1])
    assert [counts(shares.next_sets([0, 0], 3 * k), 2) for k in (1, 2, 50)] == [
        [1, 2],
        [2, 4],
        [50, 100],
    ]


def test_a_tenth_is_one_tenth_and_not_the_nearest_binary_number():
    assert counts(Shares([0.1, 0.2, 0.7]).next_sets([0, 0, 0], 1000), 3) == [100, 200, 700]


@given(shares=SHARES, count=st.integers(1, 300))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_no_set_is_ever_a_whole_row_off_its_share(shares, count):
    taken = [0] * len(shares)
    exact = [Fraction(str(share)) for share in shares]
    for total, chosen in enumerate(Shares(shares).next_sets(taken, count), start=1):
        taken[chosen] += 1
        exact_rows = [total * share / sum(exact) for share in exact]
        assert all(abs(got - want) < 1 for got, want in zip(taken, exact_rows, strict=True))


@given(shares=SHARES, batches=st.lists(st.integers(0, 40), max_size=8))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_the_batch_sizes_do_not_matter(shares, batches):
    apportion = Shares(shares)
    whole = apportion.next_sets([0] * len(shares), sum(batches))
    parts, taken = [], [0] * len(shares)
    for batch in batches:
        part = apportion.next_sets(taken, batch)
        taken = [n + part.count(i) for i, n in enumerate(taken)]
        parts += part
    assert parts == whole
