"""Tokens as a reader would write them, whatever marks their tokenizer uses.

Byte-level tokenizers write bytes as letters ("Ġ" is a space, "ä½ł" is 你), SentencePiece writes "▁"
for a space, WordPiece "##" before what continues a word, others "</w>" after a word.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MARK = "▁"


@dataclass(frozen=True)
class PieceReader:
    """Reads one tokenizer's tokens. `marks_starts` tells whether they themselves say where a word
    begins."""

    read: Callable[[str], str]
    marks_starts: bool

    def __call__(self, name: str) -> str:
        return self.read(name)


def reader(rust: Any) -> PieceReader:
    """The reader of a tokenizer of the `tokenizers` package."""
    about = json.loads(rust.to_str())
    types = set(_types(about.get("decoder"))) | set(_types(about.get("pre_tokenizer")))
    model = about["model"]
    if "ByteLevel" in types:
        return PieceReader(of_bytes, True)
    if "Metaspace" in types or any(MARK in name for name in list(rust.get_vocab())[:5000]):
        return PieceReader(lambda name: name.replace(MARK, " "), True)
    if model.get("type") == "WordPiece":
        prefix = model.get("continuing_subword_prefix") or "##"
        return PieceReader(lambda name: _unprefixed(name, prefix), False)
    suffix = model.get("end_of_word_suffix") or "</w>"
    return PieceReader(lambda name: name.removesuffix(suffix), False)


def of_bytes(name: str) -> str:
    """A byte-level token as text; a byte that is no whole character as "<0xE4>"."""
    try:
        found = bytes(_BYTES[letter] for letter in name)
    except KeyError:  # an added token, which is written as it is
        return name
    try:
        return found.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(f"<0x{byte:02X}>" for byte in found)


def _unprefixed(name: str, prefix: str) -> str:
    """A piece that begins a word has a space before it."""
    return name.removeprefix(prefix) if name.startswith(prefix) else f" {name}"


def _types(part: Any) -> list[str]:
    """The types of a tokenizer's part, of those in it too."""
    if not isinstance(part, dict):
        return []
    inner = [p for key in ("pretokenizers", "decoders") for p in part.get(key, ())]
    return [part.get("type", ""), *(t for p in inner for t in _types(p))]


def _letters() -> dict[str, int]:
    """The letter that stands for each byte (GPT-2's table): printable ones for themselves, the
    others from 256 on."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [byte for byte in range(256) if byte not in plain]
    return {chr(b): b for b in plain} | {chr(256 + n): b for n, b in enumerate(rest)}


_BYTES = _letters()
