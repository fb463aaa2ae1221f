"""Writes docs/family.md and its picture from the registries: every slot, every name."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from trinity_chord.objective import GATES, ROW_WEIGHTS, SCHEDULES, TOKEN_WEIGHTS, Weight
from trinity_chord.objective.gates import Gate
from trinity_chord.objective.rules import Registry
from trinity_chord.presets import PRESETS

PICTURE = "token_weights.svg"
HEAD = """# The family

Made by `python -m trinity_chord.family docs`; change the code, not this page.

Every published way of mixing expert data into RL is a choice at three levels: μ for the batch, a
gate and a weight for the row, a weight for the token. Each level is one YAML key (see
[configuration](configuration.md)); all choices share the same exact normalisation (see
[objective](objective.md)). p is π_θ(token) at the current parameters; every weight is taken with a
stop-gradient.
"""


def page() -> str:
    """The page as Markdown."""
    sections = [
        HEAD,
        "## Token weights: `token_weight`, `token_weight_args`\n",
        "The loss of an expert token is -sg(w)·log p; the gradient on its logit is w·(1-p).\n",
        f"![The weight of each rule and its weight on the logit]({PICTURE})\n",
        _weights(TOKEN_WEIGHTS),
        "Where the picture has no line, w depends on more than p. With one optimiser step a batch "
        "π_old is π_θ: `psft` is then `sft`, as PPO's clip does nothing either.\n",
        "## Row weights: `row_weight`, `row_weight_args`\n",
        "Worked out from a row's own tokens; multiplies the weights of its tokens.\n",
        _weights(ROW_WEIGHTS),
        "## Gates: `gate`, `gate_args`\n",
        "Open and close rows by the rewards of their prompt's rollouts.\n",
        _table(("name", "rule", "arguments", "source"), map(_gate, GATES.values())),
        "## μ: `mu_schedule`, `mu_schedule_args`\n",
        _table(("name", "μ of step s", "arguments", "source"), map(_rule, SCHEDULES.items())),
        "## On-policy term: `rl_loss`, `rl_loss_args`\n",
        _rl_losses(),
        "## Presets\n",
        "`trinity-chord presets` lists them with their YAML; `configs/presets/` holds one of each "
        "for the quickstart's task.\n",
        _table(("name", "level", "objective", "source", "needs"), map(_preset, PRESETS.values())),
        "In Trinity's `mode: train`, `WeightedSFTAlgorithm` takes any token and row weight; "
        "`IWSFTAlgorithm` and `DFTAlgorithm` are two such choices.\n",
    ]
    return "\n".join(sections)


def draw(path: Path) -> None:
    """Draws the token weights that are functions of p alone, as an SVG with its text as text."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import torch

    p = torch.linspace(1e-4, 1.0, 400, dtype=torch.float64)
    drawn = plotted()
    with plt.rc_context({"svg.fonttype": "none", "svg.hashsalt": "token_weights"}):
        figure, panels = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained")
        for i, weight in enumerate(drawn):
            w = weight(p.log())
            style = ("-", "--", ":")[i // 5]
            panels[0].plot(p, w, style, label=weight.name)
            panels[1].plot(p, w * (1 - p), style, label=weight.name)
        panels[0].set(title="weight w", xlabel="p")
        panels[1].set(title="weight on the logit, w·(1-p)", xlabel="p", yscale="log")
        panels[1].set_ylim(1e-3, 1.2)
        panels[0].legend(fontsize="small", ncols=2)
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


def plotted() -> list[Weight]:
    """The token weights that need nothing but p, with their default arguments."""
    return [weight for weight in TOKEN_WEIGHTS.values() if not weight.needs]


def _weights(registry: Registry) -> str:
    rows = []
    for name, weight in registry.items():
        others = "".join(f", `{alias}`" for alias in registry.aliases_of(name))
        needs = [_needed(tensor) for tensor in weight.needs if tensor != "mask"]
        arguments = _arguments(weight.defaults)
        rows.append(
            (f"`{name}`{others}", weight.formula, arguments, ", ".join(needs), weight.source)
        )
    return _table(("name", "weight", "arguments", "needs", "source"), rows)


def _needed(tensor: str) -> str:
    from trinity_chord.plugin.config.needs import COSTS, UNKNOWN_HERE

    return COSTS.get(tensor) or f"not in Trinity: {UNKNOWN_HERE[tensor]}"


def _gate(gate: Gate) -> tuple[str, ...]:
    return f"`{gate.name}`", gate.formula, _arguments(gate.defaults), gate.source


def _rule(item: tuple[str, Any]) -> tuple[str, ...]:
    name, rule = item
    parameters = inspect.signature(rule).parameters.items()
    arguments = _arguments({key: parameter.default for key, parameter in parameters})
    return f"`{name}`", rule.formula, arguments, rule.source


def _preset(preset: Any) -> tuple[str, ...]:
    name = f"[`{preset.name}`](../configs/presets/{preset.name}.yaml)"
    return name, preset.level, preset.formula, preset.source, preset.needs


def _rl_losses() -> str:
    from trinity_chord.plugin.rl_loss import LOSSES

    listed = ", ".join(f"`{name}`" for name in LOSSES)
    return (
        f"{listed}: `ppo` is CHORD's clipped loss with dual clip; the others are Trinity's, or "
        "your own by its dotted path. Each is made a sum over the whole batch, aggregated as "
        "`algorithm.loss_agg_mode` says. One that is no sum over rows and tokens is refused, as "
        "`rec` with `clip_mode: gspo-one-side`.\n"
    )


def _arguments(defaults: Mapping[str, Any]) -> str:
    due = inspect.Parameter.empty
    return ", ".join(f"{k}" if v is due else f"{k} = {v}" for k, v in defaults.items())


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    escaped: Callable[[str], str] = lambda text: text.replace("|", "\\|")  # noqa: E731
    return "".join("| " + " | ".join(map(escaped, line)) + " |\n" for line in lines)


def main(folder: str) -> None:
    """Writes the page and the picture into a folder."""
    (Path(folder) / "family.md").write_text(page(), encoding="utf-8")
    draw(Path(folder) / PICTURE)


if __name__ == "__main__":
    main(sys.argv[1])
