"""Trinity's interfaces: algorithm types, losses, sample strategy and their configuration.

Importing this package changes nothing. Looking up one of its classes by its public name, as
Trinity's registries do, calls `install`.
"""

from trinity_chord.versions import require_supported_versions


def install() -> None:
    """Prepare Trinity, in this process, for this package's parts; idempotent.

    Adds the validator that sees them under another algorithm, and corrects the positions of tokens
    in rows with images.

    Raises:
        UnsupportedVersionError: The installed Trinity is not supported, and so different that the
            validator cannot be imported. Otherwise `AlgorithmType.check_config` reports the
            version, because Trinity's registry hides the text of an exception raised here.
    """
    try:
        from trinity_chord.plugin.config import validator
    except ImportError:
        require_supported_versions()
        raise
    from trinity_chord.plugin.backends.images import support_images

    validator.install()
    support_images()
