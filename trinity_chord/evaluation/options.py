"""Options that the commands of `trinity-chord eval` share."""

from __future__ import annotations

from typing import Annotated

import typer

from trinity_chord.evaluation.sampling import BATCH_SIZE, Backend

ONE_SOURCE = "give either --model or --responses"

ModelOption = Annotated[
    str | None,
    typer.Option("--model", help="A Hugging Face folder, a Trinity checkpoint, or a hub id."),
]
TemperatureOption = Annotated[
    float, typer.Option("--temperature", min=0, help="0 takes the most probable token.")
]
TopPOption = Annotated[
    float,
    typer.Option("--top-p", min=1e-6, max=1, help="Nucleus sampling: total probability kept."),
]
MaxTokensOption = Annotated[
    int, typer.Option("--max-tokens", min=1, help="Maximum tokens per answer.")
]
SeedOption = Annotated[
    int, typer.Option("--seed", min=0, help="Seed of the answers and of the intervals.")
]
BackendOption = Annotated[
    Backend,
    typer.Option("--backend", help="auto: vLLM if it is installed and there is a GPU."),
]
BatchSizeOption = Annotated[
    int,
    typer.Option(
        "--batch-size",
        min=0,
        help=f"Answers per batch. 0: {BATCH_SIZE['transformers']} with transformers, "
        f"{BATCH_SIZE['vllm']} with vLLM.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print the scores as JSON, and nothing else, to stdout.")
]
