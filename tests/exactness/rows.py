"""The batch of the exactness tests: 16 rows of all awkward kinds, stamped as a whole."""

from collections.abc import Sequence

import torch
from torch import Tensor
from trinity.common.experience import EID, Experience

from tests.exactness.images import with_images
from trinity_chord.plugin.training.stamping import as_expert, stamp

ROWS, EXPERTS, VOCABULARY = 16, 8, 85
# Rows whose every token is masked: one on-policy, one expert.
MASKED = (3, 12)
# Rows that are closed if `order` is gated: two on-policy, three expert.
CLOSED = (1, 6, 8, 11, 13)
MU = 0.3


def make_rows(
    on_policy_mode: str,
    expert_mode: str,
    order: str = "apart",
    *,
    kinds: str = "both",
    old_logprobs: Sequence[Tensor] | None = None,
    images: bool = False,
    **stamping: str,
) -> list[Experience]:
    """Return eight on-policy and eight expert rows.

    Args:
        on_policy_mode: Aggregation of the on-policy rows.
        expert_mode: Aggregation of the expert rows.
        order: ``mixed`` (shuffled), ``apart`` (two blocks, so that small micro-batches hold one
            kind only), ``paired`` (a row of each kind in turn) or ``gated`` (shuffled, and the
            rows of `CLOSED` are closed).
        kinds: ``both``, ``usual`` or ``expert``; a single kind is half of the rows, in order.
        old_logprobs: log π_old of each row's response; random ones around p = 1/85 if None.
        images: Whether most of the prompts have images.
        **stamping: Arguments of `stamp`.
    """
    generator = torch.Generator().manual_seed(0)
    rows = [_row(i, generator) for i in range(ROWS)]
    if images:
        rows = with_images(rows)
    if old_logprobs is not None:
        for row, logprobs in zip(rows, old_logprobs, strict=True):
            row.logprobs = logprobs
    on_policy, experts = rows[: ROWS - EXPERTS], [as_expert(r) for r in rows[ROWS - EXPERTS :]]
    if kinds != "both":
        on_policy, experts = (on_policy, []) if kinds == "usual" else ([], experts)
    if order == "gated":
        stamping["is_open"] = [i not in CLOSED for i in range(ROWS)]
    stamp(
        on_policy,
        experts,
        mu=MU,
        on_policy_mode=on_policy_mode,
        expert_mode=expert_mode,
        **stamping,
    )
    if kinds != "both":
        return [*on_policy, *experts]
    mixed = torch.randperm(ROWS, generator=generator).tolist()
    places = {
        "mixed": mixed,
        "gated": mixed,
        "apart": range(ROWS),
        "paired": [i // 2 + (ROWS - EXPERTS) * (i % 2) for i in range(ROWS)],
    }[order]
    return [rows[i] for i in places]


def open_rows(rows: list[Experience]) -> list[Experience]:
    """Return the open rows of a gated batch."""
    return [row for row in rows if row.eid.run not in CLOSED]


def _row(index: int, generator: torch.Generator) -> Experience:
    prompt = int(torch.randint(5, 12, (1,), generator=generator))
    response = int(torch.randint(2, 14, (1,), generator=generator))
    tokens = torch.randint(4, VOCABULARY, (prompt + response,), generator=generator)
    kept = torch.rand(response, generator=generator) < 0.8
    mask = torch.zeros(response, dtype=torch.bool) if index in MASKED else kept
    advantage = torch.randn(1, generator=generator)
    row = Experience(
        eid=EID(task=str(index // 4), run=index),
        tokens=tokens,
        prompt_length=prompt,
        action_mask=mask,
        logprobs=torch.randn(response, generator=generator) * 0.3 - 4.45,
        reward=float(advantage),
        advantages=advantage.expand(response).clone(),
        info={"model_version": 0},
    )
    row.returns = row.advantages.clone()
    return row
