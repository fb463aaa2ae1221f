"""`algorithm.kl_loss_fn` and `algorithm.entropy_loss_fn`: what else is requested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field
from trinity.algorithm import KL_FN

from trinity_chord.errors import Problems
from trinity_chord.plugin.config.settings import NonNegative, Number, Settings, read_settings
from trinity_chord.plugin.names import ENTROPY_ARGS, KL_ARGS, is_ours

if TYPE_CHECKING:
    from trinity.common.config import AlgorithmConfig


class KLArgs(Settings):
    """`algorithm.kl_loss_fn_args`; further keys go to Trinity's KL function."""

    model_config = ConfigDict(extra="allow")

    kl_coef: NonNegative = Field(
        default=0.001,
        description="β of the KL term. Above 0 it costs a reference model and its forward pass.",
    )


class EntropyArgs(Settings):
    """`algorithm.entropy_loss_fn_args`."""

    entropy_coef: Number = Field(
        default=0.0,
        description="Coefficient of the entropy bonus. It costs the entropy over the vocabulary.",
    )


def read_kl(algorithm: AlgorithmConfig, problems: Problems) -> dict[str, Any] | None:
    """Read `algorithm.kl_loss_fn` and its arguments.

    Args:
        algorithm: Trinity's algorithm section.
        problems: Collects what is wrong.

    Returns:
        The arguments of the policy loss for the KL term. None without one: then no reference model
        is loaded.
    """
    args = read_settings(KLArgs, KL_ARGS, algorithm.kl_loss_fn_args, problems)
    name = algorithm.kl_loss_fn or ("k2" if args.has("kl_coef") else None)
    if name in (None, "none") or args.kl_coef == 0:
        return None
    values = args.model_dump()
    try:
        KL_FN.get(name)(**values)
    except (ValueError, ImportError) as error:
        problems.add("algorithm.kl_loss_fn", name, f"a KL function of Trinity ({error})")
    except TypeError as error:
        problems.add(KL_ARGS, values, f"arguments of {name!r} ({error})")
    return {"kl_loss_fn": name, "kl_loss_fn_args": values}


def read_entropy(algorithm: AlgorithmConfig, problems: Problems) -> float | None:
    """Read the coefficient of the entropy, which costs a pass over the vocabulary.

    Args:
        algorithm: Trinity's algorithm section.
        problems: Collects what is wrong.

    Returns:
        The coefficient, 0 for a metric only; None if the entropy is not requested.
    """
    args = read_settings(EntropyArgs, ENTROPY_ARGS, algorithm.entropy_loss_fn_args, problems)
    name = algorithm.entropy_loss_fn
    requested = is_ours("entropy_loss_fn", name) or (name != "none" and args.entropy_coef != 0)
    return args.entropy_coef if requested else None
