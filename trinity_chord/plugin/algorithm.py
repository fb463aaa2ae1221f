"""The algorithm types that YAML names."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from trinity.algorithm.algorithm import AlgorithmType, ConstantMeta
from trinity.common.config import Config

from trinity_chord.errors import Problems
from trinity_chord.plugin import names
from trinity_chord.plugin.backends.machine import prepare_machine
from trinity_chord.plugin.config.cleanup import remove_empty_folders
from trinity_chord.plugin.config.derive import derive, title_of
from trinity_chord.plugin.config.expert_only import to_expert_only
from trinity_chord.plugin.config.objective_args import ObjectiveArgs
from trinity_chord.plugin.config.resume import discard_weights_after_checkpoint
from trinity_chord.versions import require_supported_versions


class _RenamableMeta(ConstantMeta):
    """Lets Trinity's registry name a class more than once.

    Trinity sets `_name` when it finds a class by a dotted path, and its metaclass refuses to set an
    attribute twice, so a class could not be found by two names otherwise.
    """

    def __setattr__(cls, name: str, value: Any) -> None:  # noqa: N805
        if name == "_name":
            type.__setattr__(cls, name, value)
        else:
            super().__setattr__(name, value)


class CHORDAlgorithm(AlgorithmType, metaclass=_RenamableMeta):
    """GRPO on the policy's rollouts and weighted SFT on expert rows, in one loss.

    L = (1-μ)·L_GRPO + μ·L_SFT (CHORD, arXiv 2508.11408, eq. 3). Takes the keys of Trinity's
    `mix_chord` with the same meaning and defaults, μ = 0.1 and the token weight p(1-p), and derives
    the batch numbers.

    Attributes:
        objective_defaults: The values of `algorithm.policy_loss_fn_args` for keys that YAML leaves
            out.
    """

    use_critic: bool = False
    use_reference: bool = False
    compute_advantage_in_trainer: bool = False
    use_rollout: bool = True
    can_balance_batch: bool = True
    schema: str = "experience"

    objective_defaults: ClassVar[ObjectiveArgs] = ObjectiveArgs()

    @classmethod
    def default_config(cls) -> dict[str, Any]:
        """Return the algorithm section's values for keys that YAML leaves out."""
        return {
            "repeat_times": 8,
            "advantage_fn": "grpo",
            "policy_loss_fn": names.POLICY_LOSS,
            "sample_strategy": names.SAMPLE_STRATEGY,
            "entropy_loss_fn": "none",
            "kl_penalty_fn": "none",
            "kl_loss_fn": "none",
        }

    @classmethod
    def prepare_config(cls, config: Config) -> None:
        """Bring the configuration into the form that `derive` takes."""

    @classmethod
    def check_config(cls, config: Config) -> None:
        """Check the configuration and derive what it leaves out; see `derive`.

        Raises:
            UnsupportedVersionError: The installed Trinity-RFT or verl is not supported.
            ChordConfigError: The configuration cannot be run; lists every problem.
        """
        require_supported_versions()
        try:
            cls.prepare_config(config)
            problems = Problems()
            for step in (prepare_machine, partial(derive, preset=cls.objective_defaults)):
                with problems.collect():
                    step(config)
            problems.raise_if_any(title_of(config))
            discard_weights_after_checkpoint(config)
        except Exception:
            remove_empty_folders(config)
            raise


class CHORDMuAlgorithm(CHORDAlgorithm):
    """CHORD-μ: no token weight; μ falls from 0.9 to 0.05 over 200 steps (the paper's math runs)."""

    objective_defaults: ClassVar[ObjectiveArgs] = ObjectiveArgs(
        token_weight="sft", mu_decay_steps=200, mu_peak=0.9, mu_valley=0.05
    )


class CHORDPhiAlgorithm(CHORDAlgorithm):
    """CHORD-φ: the token weight p(1-p) at a constant μ = 0.1."""


class CHORDWithReferenceAlgorithm(CHORDAlgorithm):
    """CHORD with a reference model; derived if a KL term or a weight needs one."""

    use_reference: bool = True


class WeightedSFTAlgorithm(CHORDAlgorithm):
    """SFT on expert rows alone, in Trinity's `mode: train`, with any token and row weight.

    L = -Σ_rows n · v · Σ_tokens sg(w)·log π_θ, with the token weight w, the row weight v and the
    normalizer n of the aggregation, exact for any micro-batch split.
    """

    objective_defaults: ClassVar[ObjectiveArgs] = ObjectiveArgs(token_weight="sft")

    @classmethod
    def prepare_config(cls, config: Config) -> None:
        """Accept a configuration of Trinity's `sft`; see `to_expert_only`."""
        to_expert_only(config)


class IWSFTAlgorithm(WeightedSFTAlgorithm):
    """iw-SFT (arXiv 2507.12856): each row weighs clamp(exp(mean log π_θ/π_ref), 0, 16)."""

    objective_defaults: ClassVar[ObjectiveArgs] = ObjectiveArgs(
        token_weight="sft", row_weight="iw_sft"
    )


class DFTAlgorithm(WeightedSFTAlgorithm):
    """DFT (arXiv 2508.05629): each token weighs its probability."""

    objective_defaults: ClassVar[ObjectiveArgs] = ObjectiveArgs(token_weight="dft")
