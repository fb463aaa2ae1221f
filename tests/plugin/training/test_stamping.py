"""The numbers that a row carries, computed by hand for 2 + 2 rows."""

import torch

from tests.plugin.rows import row
from trinity_chord.plugin.training.stamping import as_expert, custom_fields, stamp

MU = 0.25


def stamped(on_policy_mode="token-mean", expert_mode="token-mean", mu=MU):
    on_policy = [row(2), row(6)]
    experts = [as_expert(row(4)), as_expert(row(3, mask=[True, False, False]))]
    metrics = stamp(
        on_policy, experts, mu=mu, on_policy_mode=on_policy_mode, expert_mode=expert_mode
    )
    return [*on_policy, *experts], metrics


def column(rows, name):
    return [row.info[name] for row in rows]


def test_token_mean():
    rows, _ = stamped()
    # 2 + 6 on-policy tokens, 4 + 1 expert tokens; 1-μ = 3/4, μ = 1/4.
    assert column(rows, "loss_norm") == [1 / 8, 1 / 8, 1 / 5, 1 / 5]
    assert column(rows, "loss_coef") == [3 / 32, 3 / 32, 1 / 20, 1 / 20]


def test_seq_mean_token_mean():
    rows, _ = stamped("seq-mean-token-mean", "seq-mean-token-mean")
    assert column(rows, "loss_norm") == [1 / 4, 1 / 12, 1 / 8, 1 / 2]
    assert column(rows, "loss_coef") == [3 / 16, 1 / 16, 1 / 32, 1 / 8]


def test_seq_mean_token_sum_of_one_kind_and_norm_of_the_other():
    rows, _ = stamped("seq-mean-token-sum-norm", "seq-mean-token-sum")
    assert column(rows, "loss_norm") == [1 / 6, 1 / 6, 1 / 2, 1 / 2]  # the widest response has 6
    assert column(rows, "loss_coef") == [1 / 8, 1 / 8, 1 / 8, 1 / 8]


def test_token_norm_is_the_same_in_every_mode():
    for mode in ("token-mean", "seq-mean-token-mean", "seq-mean-token-sum"):
        rows, _ = stamped(mode, mode)
        assert column(rows, "token_norm") == [1 / 8, 1 / 8, 1 / 5, 1 / 5]


def test_a_batch_of_one_kind():
    rows = [row(2), row(2)]
    metrics = stamp(rows, [], mu=0.0, on_policy_mode="token-mean", expert_mode="token-mean")
    assert column(rows, "loss_coef") == [1 / 4, 1 / 4]
    assert metrics["actor/expert/rows"] == 0.0


def test_a_row_without_an_unmasked_token_has_coefficient_0():
    rows = [row(2), row(2, mask=[False, False])]
    stamp(rows, [], mu=0.0, on_policy_mode="seq-mean-token-mean", expert_mode="token-mean")
    assert column(rows, "loss_coef") == [1 / 4, 0.0]  # N counts both rows


def test_each_row_carries_its_kind():
    rows, _ = stamped()
    assert column(rows, "is_expert") == [False, False, True, True]


def test_all_rows_have_the_same_custom_fields_as_trinity_requires():
    rows, _ = stamped()
    assert {tuple(row.custom_fields) for row in rows} == {tuple(custom_fields("verl"))}
    names = [field.destination_field for field in custom_fields("verl")]
    assert names == ["expert_mask", "loss_coef", "loss_norm", "token_norm"]
    assert all(field.source_field in row.info for row in rows for field in custom_fields("verl"))


def test_other_entries_of_a_rows_info_stay():
    rows, _ = stamped()
    assert rows[0].info["model_version"] == 0


def test_an_expert_row_is_filled_with_zeros_of_its_length():
    expert = as_expert(row(4))
    assert expert.reward == 0.0
    for values in (expert.logprobs, expert.advantages, expert.returns):
        assert torch.equal(values, torch.zeros(4))
        assert values.dtype == torch.float32


def test_metrics_are_those_of_the_whole_batch():
    _, metrics = stamped()
    assert metrics == {
        "actor/mu": MU,
        "actor/usual/rows": 2.0,
        "actor/usual/open_rows": 2.0,
        "actor/usual/tokens": 8.0,
        "actor/usual/response_length": 4.0,
        "actor/expert/rows": 2.0,
        "actor/expert/open_rows": 2.0,
        "actor/expert/tokens": 5.0,
        "actor/expert/response_length": 3.5,
    }


def test_for_tinker_each_row_carries_the_number_of_rows():
    rows = [row(2), row(6), as_expert(row(4))]
    modes = {"on_policy_mode": "token-mean", "expert_mode": "token-mean"}
    stamp(rows[:2], rows[2:], mu=MU, **modes, backend="tinker")
    assert column(rows, "batch_rows") == [3, 3, 3]
    assert all(r.custom_fields == custom_fields("tinker") for r in rows)


def test_for_verl_no_row_does():
    rows, _ = stamped()
    assert "batch_rows" not in rows[0].info
    assert rows[0].custom_fields == custom_fields("verl")


def test_a_closed_row_counts_in_no_total():
    rows = [row(2), row(6), as_expert(row(4)), as_expert(row(3))]
    modes = {"on_policy_mode": "seq-mean-token-sum-norm", "expert_mode": "seq-mean-token-mean"}
    is_open = [True, False, True, False]
    metrics = stamp(rows[:2], rows[2:], mu=MU, is_open=is_open, **modes)
    assert column(rows, "loss_norm") == [1 / 4, 0, 1 / 4, 0]  # the widest open response has 4
    assert column(rows, "loss_coef") == [3 / 16, 0, 1 / 16, 0]
    assert column(rows, "token_norm") == [1 / 2, 0, 1 / 4, 0]
    assert (metrics["actor/usual/rows"], metrics["actor/usual/open_rows"]) == (2.0, 1.0)
    assert (metrics["actor/usual/tokens"], metrics["actor/expert/tokens"]) == (2.0, 4.0)
    assert metrics["actor/usual/response_length"] == 2.0


def test_a_batch_without_an_open_row_has_coefficients_of_0():
    rows = [row(2), as_expert(row(4))]
    modes = {"on_policy_mode": "token-mean", "expert_mode": "seq-mean-token-sum-norm"}
    metrics = stamp(rows[:1], rows[1:], mu=MU, is_open=[False, False], **modes)
    assert column(rows, "loss_coef") == [0, 0]
    assert "actor/usual/response_length" not in metrics
