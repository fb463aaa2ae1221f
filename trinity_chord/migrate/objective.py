"""The objective: `mix` and `mix_chord` as they were since Trinity 0.2, in this package's keys."""

from __future__ import annotations

from trinity_chord.errors import did_you_mean
from trinity_chord.migrate.document import Document, MigrateError
from trinity_chord.migrate.migration import Migration
from trinity_chord.migrate.trinity_keys import AUXILIARY, TRAINER_INPUT
from trinity_chord.plugin.config.objective_args import ObjectiveArgs
from trinity_chord.plugin.config.sample_args import SampleArgs
from trinity_chord.plugin.names import ALGORITHM, KL_ARGS, LOSS_ARGS, SAMPLE_ARGS, SHORT_ALGORITHMS

TYPE = "algorithm.algorithm_type"
MIX, MIX_CHORD = "mix", "mix_chord"
# What Trinity adds to both algorithms if a YAML does not say otherwise.
KL_COEF = 0.001
MU = 0.1
PARTS = {
    "policy_loss_fn": (MIX, MIX_CHORD),
    "sample_strategy": (MIX,),
    "entropy_loss_fn": (MIX, "default"),
}
OLD_EXPERTS = f"{TRAINER_INPUT}.sft_warmup_dataset"


def require_mixed(document: Document, name: str) -> None:
    """Check that a file is for one of the algorithms that can be migrated.

    Raises:
        MigrateError: It is not, or it has stages.
    """
    found = document.given(TYPE)
    if str(found).startswith("trinity_chord.") or found in SHORT_ALGORITHMS:
        raise MigrateError(
            f"{name}: `{TYPE}`: got {found!r}, which is this package's own; there is nothing to "
            f"migrate, run `trinity-chord check {name}`"
        )
    if found not in (MIX, MIX_CHORD):
        raise MigrateError(
            f"{name}: `{TYPE}`: got {found!r}, expected {MIX!r} or {MIX_CHORD!r}; a YAML for "
            "Trinity's `sft` needs no migration: set "
            "`algorithm_type: trinity_chord.WeightedSFTAlgorithm`"
        )
    if document.given("stages"):
        raise MigrateError(
            f"{name}: `stages`: got {len(document.given('stages'))} stages, expected none; "
            "migrate the file without them, then add them to the result"
        )


def migrate_objective(migration: Migration) -> None:
    """Replace the algorithm, its parts and its arguments."""
    document = migration.document
    algorithm = document.given(TYPE)
    migration.set(TYPE, ALGORITHM, "the same terms, added up exactly over any micro-batch split")
    for name, theirs in PARTS.items():
        if document.given(f"algorithm.{name}") in theirs:
            migration.remove(f"algorithm.{name}", "the algorithm type has its own")
    if algorithm == MIX:
        _migrate_mix(migration)
    _migrate_share(migration)
    _migrate_aggregation(migration)
    _migrate_kl(migration, algorithm)
    _migrate_experts(migration)
    _lose_unknown(migration)


def _migrate_mix(migration: Migration) -> None:
    """Write the constant μ of `mix`, which has no token weight."""
    document = migration.document
    reason = "`mix` has a constant μ"
    key = next((k for k in (f"{LOSS_ARGS}.mu", "algorithm.mu") if k in document), None)
    mu = document.given(key, MU) if key else MU
    if key:
        migration.replace(key, f"{LOSS_ARGS}.mu_peak", mu, reason)
    else:
        migration.set(f"{LOSS_ARGS}.mu_peak", mu, f"{reason}, {MU} if left out")
    migration.set(f"{LOSS_ARGS}.mu_valley", mu, reason)
    migration.set(f"{LOSS_ARGS}.enable_phi_function", False, "`mix` weighs all expert tokens alike")


def _migrate_share(migration: Migration) -> None:
    key = f"{SAMPLE_ARGS}.expert_data_ratio"
    migration.move("buffer.expert_data_ratio", key, "an argument of the sample strategy since 0.2")


def _migrate_aggregation(migration: Migration) -> None:
    """Replace the flag of Trinity 0.2 and 0.3 by the aggregation mode that it chose."""
    key = f"{LOSS_ARGS}.use_token_level_loss_in_sft"
    flag = migration.given(key)
    if flag is None:
        migration.remove(key, "null, as without it")
        return
    mode = "token-mean" if flag else "seq-mean-token-mean"
    migration.replace(key, f"{LOSS_ARGS}.sft_loss_agg_mode", mode, "a mode by its name since 0.3.1")


def _migrate_kl(migration: Migration, algorithm: str) -> None:
    """Write down the KL term that Trinity adds to both algorithms by default."""
    document = migration.document
    if document.given("algorithm.kl_loss_fn") == "none":
        return
    if document.given(f"{KL_ARGS}.kl_coef") is None:
        migration.set(
            f"{KL_ARGS}.kl_coef",
            KL_COEF,
            f"Trinity adds this KL term to `{algorithm}` if a file does not say; 0 saves the "
            "reference model and its forward pass",
        )


def _migrate_experts(migration: Migration) -> None:
    """Move the expert set to where it is since 0.3.1, and report what is read differently."""
    document = migration.document
    name = document.given(f"{SAMPLE_ARGS}.sft_dataset_name", "sft_dataset")
    experts = f"{AUXILIARY}.{name}"
    if OLD_EXPERTS in document:
        migration.move(OLD_EXPERTS, experts, "expert rows are an auxiliary buffer since 0.3.1")
        if f"{experts}.storage_type" not in document:
            migration.set(f"{experts}.storage_type", "file", "was the default")
    migration.remove(
        f"{experts}.total_epochs",
        "when all expert rows were read, they start over in a new order; "
        f"`{SAMPLE_ARGS}.expert_at_end: stop` ends the run instead",
    )
    videos = f"{experts}.format.video_key"
    if videos in document:
        migration.lost.append(
            f"`{videos}`: got {migration.given(videos)!r}; expert rows are text and images, so "
            "`check` refuses it; the key is left in place"
        )


def _lose_unknown(migration: Migration) -> None:
    """Remove arguments that this package does not know."""
    for section, model in ((LOSS_ARGS, ObjectiveArgs), (SAMPLE_ARGS, SampleArgs)):
        if section not in migration.document:
            continue
        for name in migration.document.keys(section):
            known = list(model.model_fields)
            if name not in known:
                hint = did_you_mean(str(name), known)
                migration.lose(f"{section}.{name}", f"no such argument; {hint}".rstrip("; "))
