"""Register the patches with the import system of this process."""

import functools
import sys

import wrapt

from trinity_chord.cpu import stand_ins
from trinity_chord.cpu.machine import has_gpu
from trinity_chord.cpu.patches import PATCHES
from trinity_chord.versions import require_supported_versions


@functools.cache
def activate() -> None:
    """Let Trinity run in this process without a GPU. Calling it again does nothing.

    Each patch is applied right after the import of the module that it changes, or at once if that
    module has been imported already. Whether there is a GPU is checked at that moment, so that a
    call takes milliseconds; with a GPU, nothing changes. Nothing is written to disk.

    The launcher calls this. One of the patches passes the function on to every process of the job,
    as the setup hook of Ray's workers.

    Raises:
        UnsupportedVersionError: There is no GPU, and the patches were not written for the installed
            version of Trinity or verl. Raised here if torch has been imported already, else on the
            import of the first module to patch.
    """
    if "torch" in sys.modules and not has_gpu():
        require_supported_versions()
    stand_ins.install()
    for patch in PATCHES:
        wrapt.register_post_import_hook(patch.apply, patch.module_name)
