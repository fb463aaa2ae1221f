"""Reads what is asked for beside the objective: a KL term and the entropy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trinity.algorithm import KL_FN

from trinity_chord.errors import Problems
from trinity_chord.plugin.config.checks import as_mapping, check_known, is_number

if TYPE_CHECKING:
    from trinity.common.config import AlgorithmConfig

KL_COEF = 0.001  # Trinity's default where a KL function is named without a coefficient.


def read_kl(algorithm: AlgorithmConfig, problems: Problems) -> dict[str, Any] | None:
    """Reads `algorithm.kl_loss_fn` and its arguments.

    Args:
        algorithm: Trinity's algorithm section.
        problems: Collects what is wrong.

    Returns:
        The arguments that the loss needs for it, None where no KL is asked for: a reference model
        and its pass are then saved.
    """
    args = as_mapping("algorithm.kl_loss_fn_args", algorithm.kl_loss_fn_args, problems)
    coefficient = args.get("kl_coef", KL_COEF)
    if not (is_number(coefficient) and coefficient >= 0):
        problems.add("algorithm.kl_loss_fn_args.kl_coef", coefficient, "a number, 0 or more")
        return None
    name = algorithm.kl_loss_fn
    if name is None and "kl_coef" in args:
        name = "k2"
    if name in (None, "none") or coefficient == 0:
        return None
    args["kl_coef"] = coefficient
    try:
        KL_FN.get(name)(**args)
    except (ValueError, ImportError) as error:
        problems.add("algorithm.kl_loss_fn", name, f"a KL function of Trinity ({error})")
    except TypeError as error:
        problems.add("algorithm.kl_loss_fn_args", args, f"arguments of {name!r} ({error})")
    return {"kl_loss_fn": name, "kl_loss_fn_args": args}


def read_entropy(algorithm: AlgorithmConfig, named: bool, problems: Problems) -> float | None:
    """Reads the coefficient of the entropy, which costs a pass over the vocabulary.

    Args:
        algorithm: Trinity's algorithm section.
        named: Whether this package's entropy loss is named, which asks for the metric at least.
        problems: Collects what is wrong.

    Returns:
        The coefficient, 0 for a metric only; None where nobody asks for the entropy.
    """
    args = as_mapping("algorithm.entropy_loss_fn_args", algorithm.entropy_loss_fn_args, problems)
    check_known("algorithm.entropy_loss_fn_args", args, ("entropy_coef",), problems)
    coefficient = args.get("entropy_coef", 0.0)
    if not is_number(coefficient):
        problems.add("algorithm.entropy_loss_fn_args.entropy_coef", coefficient, "a number")
        return None
    asked = named or (algorithm.entropy_loss_fn != "none" and coefficient != 0)
    return coefficient if asked else None
