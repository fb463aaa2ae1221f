"""Trinity's interfaces: algorithm types, losses, sample strategy and their configuration."""

from trinity_chord.versions import require_supported_versions

require_supported_versions()

from trinity_chord.plugin import validator  # noqa: E402  (needs a Trinity that is supported)

validator.install()
