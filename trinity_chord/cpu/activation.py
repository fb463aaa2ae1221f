"""Make the mends known to the import system of this process."""

import functools
import sys

import wrapt

from trinity_chord.cpu import stand_ins
from trinity_chord.cpu.machine import has_gpu
from trinity_chord.cpu.patches import MENDS
from trinity_chord.versions import require_supported_versions


@functools.cache
def activate() -> None:
    """Let Trinity run in this process although it has no GPU. Later calls do nothing.

    Each mend waits for the module that it mends and is applied right after the import of that
    module, or at once where the module is there already. Whether there is a GPU is asked at that
    moment: calling this costs milliseconds, and where there is a GPU it changes nothing. Nothing
    is written to disk.

    The launcher calls this; it then reaches every process of the job, because one of the mends
    names this function as the set-up hook of Ray's workers.

    Raises:
        RuntimeError: there is no GPU, and Trinity or verl has a version that the mends were not
            made for. Raised here where torch is imported already, else on the import of the first
            module to mend.
    """
    if "torch" in sys.modules and not has_gpu():
        require_supported_versions()
    stand_ins.install()
    for module_name, mend in MENDS:
        wrapt.register_post_import_hook(mend, module_name)
