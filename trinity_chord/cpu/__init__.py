"""Trinity on a machine without a GPU.

`activate` patches, in memory and in the calling process only, the few places of Trinity and verl
that take a GPU for granted; `adapt` changes a Trinity configuration accordingly; `local_ray` runs
a private Ray that reports as many GPUs as requested. Importing this package imports neither torch
nor Ray nor Trinity.
"""

from trinity_chord.cpu.activation import activate
from trinity_chord.cpu.ray_local import LocalRay, local_ray
from trinity_chord.cpu.settings import adapt

__all__ = ["LocalRay", "activate", "adapt", "local_ray"]
