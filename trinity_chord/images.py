"""Reads images of data sets, which are made by others: local, bounded and whole, or refused."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
MAX_BYTES = 2**26  # Of an image file.
MAX_PIXELS = 2**26  # 192 MiB once decoded.
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
DATA_ADDRESS = re.compile(r"data:image/[A-Za-z0-9.+-]+;base64,")
EXPECTED = "the path of a file in the data folder, a data:image/...;base64 address, or bytes"


@dataclass(frozen=True)
class FoundImage:
    """A decoded image.

    Attributes:
        picture: The image, RGB and upright.
        digest: Fingerprint of the bytes that were decoded.
    """

    picture: Image.Image
    digest: str


class ImageReader:
    """Reads the images of one data set.

    Args:
        folder: The data folder, which holds every file that is read; None if the set has none.

    Attributes:
        files: The fingerprint of each file that `read` has read, by its path in the folder.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = None if folder is None else folder.resolve()
        self.files: dict[str, str] = {}

    def check(self, value: Any) -> None:
        """Check what can be known of an image without decoding it.

        Args:
            value: What the row has: a path, a data address, bytes, or a mapping with `bytes` or
                `path`, as `datasets` stores an image.

        Raises:
            ValueError: The image cannot be used; the message says why.
        """
        data, _ = self._bytes(value)
        with _opened(data):
            pass

    def read(self, value: Any) -> FoundImage:
        """Return an image, decoded.

        Args:
            value: See `check`.

        Raises:
            ValueError: The image cannot be used; the message says why.
        """
        data, path = self._bytes(value)
        with _opened(data) as image:
            try:
                picture = ImageOps.exif_transpose(image).convert("RGB")
            except Exception as error:  # A decoder may raise anything on a damaged file.
                raise ValueError(f"got a damaged image: {error}") from error
        digest = hashlib.blake2b(data, digest_size=16).hexdigest()
        if path is not None:
            self.files[path] = digest
        return FoundImage(picture, digest)

    def address(self, value: Any) -> str:
        """Return an image, not decoded, as a data address, which needs no file.

        Args:
            value: See `check`.

        Raises:
            ValueError: The image cannot be used; the message says why.
        """
        data, _ = self._bytes(value)
        with _opened(data) as image:
            kind = str(image.format).lower()
        return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"

    def _bytes(self, value: Any) -> tuple[bytes, str | None]:
        """Return an image's bytes, and the path in the folder that they come from."""
        if isinstance(value, Mapping):
            value = value.get("path") if value.get("bytes") is None else value["bytes"]
        if isinstance(value, bytes):
            return value, None
        if not isinstance(value, str) or not value:
            raise ValueError(f"got {_shown(value)}, expected {EXPECTED}")
        if DATA_ADDRESS.match(value):
            return _decoded(value), None
        if ADDRESS.match(value):
            raise ValueError(
                f"got the address {_shown(value)}, expected {EXPECTED}: nothing is downloaded"
            )
        path = self._inside(value)
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ValueError(
                f"got {_shown(value)} with {size:,} bytes, expected at most {MAX_BYTES:,}"
            )
        return path.read_bytes(), value

    def _inside(self, value: str) -> Path:
        """Return the file of a path, which must be in the data folder, links followed."""
        if self._folder is None:
            raise ValueError(
                f"got the path {_shown(value)}, expected a data:image/...;base64 address or "
                "bytes, because there is no data folder"
            )
        try:
            path = (self._folder / value).resolve()
            exists = path.is_file()
        except (OSError, ValueError, RuntimeError) as error:  # Too long, a null byte, a loop.
            raise ValueError(f"got {_shown(value)}, which is not a path: {error}") from error
        if not path.is_relative_to(self._folder):
            raise ValueError(
                f"got {_shown(value)}, which leads to {path}, expected a file in the data folder "
                f"{self._folder}"
            )
        if not exists:
            raise ValueError(f"got {_shown(value)}, which is not a file in {self._folder}")
        return path


def same_files(folder: Path | None, files: Mapping[str, str]) -> bool:
    """Return whether the files still have the fingerprints that `ImageReader.files` gave them."""
    reader = ImageReader(folder)
    try:
        return all(
            hashlib.blake2b(reader._bytes(path)[0], digest_size=16).hexdigest() == digest
            for path, digest in files.items()
        )
    except ValueError:
        return False


def _opened(data: bytes) -> Image.Image:
    """Open an image without decoding it; only its header is read."""
    if len(data) > MAX_BYTES:
        raise ValueError(f"got an image of {len(data):,} bytes, expected at most {MAX_BYTES:,}")
    try:
        with warnings.catch_warnings():
            # Pillow warns above its own limit, which is higher than the one below.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(BytesIO(data), formats=FORMATS)
        frames = getattr(image, "n_frames", 1)
    except Image.DecompressionBombError as error:
        raise ValueError(f"got an image that is too large: {error}") from error
    except UnidentifiedImageError as error:
        raise ValueError(f"got {len(data):,} bytes that are not {', '.join(FORMATS)}") from error
    except Exception as error:  # A parser may raise anything on a damaged header.
        raise ValueError(f"got a damaged image: {error}") from error
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ValueError(
            f"got an image of {width:,} × {height:,} pixels, expected at most {MAX_PIXELS:,}"
        )
    if frames != 1:
        raise ValueError(f"got an animation of {frames} pictures, expected one picture")
    return image


def _decoded(address: str) -> bytes:
    try:
        return base64.b64decode(address.partition(",")[2], validate=True)
    except binascii.Error as error:
        raise ValueError(f"got {_shown(address)}, which is not base64: {error}") from error


def _shown(value: Any, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[:limit] + "..."
