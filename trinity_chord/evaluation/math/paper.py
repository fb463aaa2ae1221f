"""The paper's results, shown next to a score."""

from __future__ import annotations

SOURCE = (
    "CHORD paper (arXiv 2508.11408), Qwen2.5-7B-Instruct; figures as quoted by a secondary source"
)
METRICS = {"amc23": "avg@8", "aime24": "avg@32", "aime25": "avg@32", "mmlu-pro": "avg@1"}
FIGURES: dict[str, dict[str, float]] = {
    name: dict(zip(METRICS, figures, strict=True))
    for name, figures in {
        "before training": (43.8, 11.7, 6.66, 24.7),
        "SFT, the best": (55.9, 15.8, 15.2, 38.4),
        "GRPO": (52.1, 13.2, 8.54, 45.8),
        "SFT, the best, then RL": (58.4, 17.1, 16.3, 51.3),
        "LUFFY": (52.8, 16.6, 14.3, 44.0),
        "SASR": (54.0, 12.7, 11.1, 45.1),
        "CHORD-μ": (60.8, 18.1, 17.9, 43.3),
        "CHORD-φ": (62.5, 18.2, 17.2, 56.2),
    }.items()
}
"""Accuracy in percent, by method and set."""
