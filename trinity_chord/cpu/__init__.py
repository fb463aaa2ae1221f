"""Trinity on a machine without a GPU.

`activate` mends, in memory and in the calling process only, the few places of Trinity and verl
that take a GPU for granted; `adapt` fills a Trinity configuration accordingly; `local_ray` starts
a Ray of its own that counts as many GPUs as one asks for. Importing this package imports neither
torch nor Ray nor Trinity.
"""

from trinity_chord.cpu.activation import activate
from trinity_chord.cpu.ray_local import LocalRay, local_ray
from trinity_chord.cpu.settings import adapt

__all__ = ["LocalRay", "activate", "adapt", "local_ray"]
