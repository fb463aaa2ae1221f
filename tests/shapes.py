"""The check of the types and tensor shapes in the signatures of the objective."""

from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook

MODULES = (
    "aggregation",
    "chord",
    "gates",
    "losses",
    "probe",
    "row_weights",
    "stamps",
    "token_weights",
    "weights",
)
# An int is a float, as for mypy.
checked = beartype(conf=BeartypeConf(is_pep484_tower=True))


def check_shapes() -> None:
    """Make these modules check every call, if they are imported from now on."""
    modules = [f"trinity_chord.objective.{name}" for name in MODULES]
    install_import_hook(modules, f"{__name__}.checked")
