"""The order of the rows within a set."""

import numpy as np

from trinity_chord.expert_data.order import RowOrder, epoch_order


def test_each_epoch_is_a_permutation():
    for epoch in range(5):
        assert sorted(epoch_order(101, 7, "sft", epoch)) == list(range(101))


def test_two_epochs_differ():
    assert not np.array_equal(epoch_order(50, 7, "sft", 0), epoch_order(50, 7, "sft", 1))


def test_two_seeds_differ():
    assert not np.array_equal(epoch_order(50, 7, "sft", 0), epoch_order(50, 8, "sft", 0))


def test_two_sets_of_one_size_differ():
    assert not np.array_equal(epoch_order(50, 7, "a", 0), epoch_order(50, 7, "b", 0))


def test_an_order_never_changes():
    """Saved positions depend on it: if these numbers change, no run can be resumed."""
    assert epoch_order(8, 42, "sft", 0).tolist() == [4, 7, 6, 1, 0, 5, 2, 3]


def test_positions_continue_from_epoch_to_epoch():
    order = RowOrder(3, seed=1, name="sft")
    expected = [(epoch, row) for epoch in range(3) for row in epoch_order(3, 1, "sft", epoch)]
    assert [order.at(count) for count in range(9)] == expected


def test_a_position_does_not_depend_on_earlier_calls():
    order = RowOrder(4, seed=1, name="sft")
    late, early = order.at(9), order.at(1)
    assert [late, early] == [RowOrder(4, 1, "sft").at(9), RowOrder(4, 1, "sft").at(1)]
