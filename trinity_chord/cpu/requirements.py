"""Whether the mends are needed here."""


def has_gpu() -> bool:
    """Whether torch can use a CUDA device in this process."""
    import torch

    return torch.cuda.is_available()
