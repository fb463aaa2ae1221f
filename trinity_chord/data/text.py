"""Compares texts: keys of problems, words, Chinese characters."""

from __future__ import annotations

import hashlib
import re
import unicodedata

CJK = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")  # the ranges of the public script
WORD = re.compile(r"\w+")
SPACE = re.compile(r"\s+")


def has_cjk(text: str) -> bool:
    """Return whether a text contains a Chinese, Japanese or Korean ideograph."""
    return CJK.search(text) is not None


def text_key(text: str) -> str:
    """Return a key that is equal for texts that differ only in case, white space or NFC form.

    Signs count: "2+3" and "2-3" are two different problems.

    Args:
        text: The text.

    Returns:
        32 hexadecimal digits.
    """
    normal = SPACE.sub("", unicodedata.normalize("NFC", text).casefold())
    return hashlib.blake2b(normal.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def words(text: str) -> list[str]:
    """Return the words of a text in lower case, without signs."""
    return WORD.findall(unicodedata.normalize("NFC", text).casefold())
