"""Trinity's interfaces: algorithm types, losses, sample strategy and their configuration.

`AlgorithmType.check_config` refuses versions of Trinity-RFT and verl that are not supported. They
are checked here only where the import fails, which is then their doing: an exception in an import
reaches the user through Trinity's registry, which hides its text.
"""

from trinity_chord.versions import require_supported_versions

try:
    from trinity_chord.plugin import validator
except ImportError:
    require_supported_versions()
    raise

validator.install()
