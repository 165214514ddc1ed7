"""Tokens as the reader's text: word starts visible without the tokenizer's marks.

A piece that starts a word is plain, one that goes on with a word starts with "·"; Chinese pieces
are plain always, since each is a word of its own.
"""

import re
import unicodedata
from itertools import pairwise

from attnviz.analysis.block import side
from attnviz.tokenizer import SPACELESS
from attnviz.trace import Tokens, Trace

END = "</s>"
ARROW = "→"
CONTINUES = "·"
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_BLANK = str.maketrans({" ": "␣", "\n": "↵", "\t": "⇥"})


def labels(tokens: Tokens) -> tuple[str, ...]:
    """One readable text per token: "The", "·ing", "␣", "⟨E4⟩", "</s>", "天气"."""
    before = ("", *tokens.pieces[:-1])
    return tuple(
        piece if special else label(piece, goes_on=continues(last, piece))
        for last, piece, special in zip(before, tokens.pieces, tokens.special, strict=True)
    )


def label(piece: str, *, goes_on: bool = False) -> str:
    """One piece as its reader would see it; `goes_on` where it continues a word."""
    if byte := _BYTE.fullmatch(piece):
        return f"⟨{byte[1]}⟩"
    if not piece or piece.isspace():
        return piece.translate(_BLANK)
    return CONTINUES + piece if goes_on else piece.removeprefix(" ")


def continues(before: str, piece: str) -> bool:
    """Whether `piece` goes on with the word that `before` ends in: letters or digits touch."""
    if _BYTE.fullmatch(before) or _BYTE.fullmatch(piece):
        return False
    return _in_word(before[-1:]) and _in_word(piece[:1])


def row_labels(trace: Trace, block: str) -> tuple[str, ...]:
    """What each row of the block stands for: in a decoder "今天→天气", the token it reads and the
    one it writes; in an encoder the token."""
    queries, _ = side(trace, block)
    return written(labels(queries), trace, block)


def written(reads: tuple[str, ...], trace: Trace, block: str) -> tuple[str, ...]:
    """`reads` with what each writes: the next one, the last row "</s>" where decoding came to its
    end; unchanged for an encoder, and for bare weights, whose rows nobody has named."""
    if not block.startswith("decoder") or trace.facts.get("bare"):
        return reads
    last = f"{reads[-1]}{ARROW}{END}" if trace.facts.get("finished") else reads[-1]
    return (*(f"{a}{ARROW}{b}" for a, b in pairwise(reads)), last)


def words(tokens: Tokens) -> tuple[tuple[int, ...], ...]:
    """Token numbers of each word: pieces that continue a word join it, a bare space joins what it
    stands before, the bytes of one character stay together; a Chinese piece, a punctuation mark
    and a special token are words of their own."""
    found: list[list[int]] = []
    for i, (piece, special) in enumerate(zip(tokens.pieces, tokens.special, strict=True)):
        apart = i == 0 or special or tokens.special[i - 1]
        if apart or not _joins(tokens.pieces[i - 1], piece):
            found.append([])
        found[-1].append(i)
    return tuple(tuple(word) for word in found)


def strange(tokens: Tokens, unknown: int | None, n: int | None = None) -> float:
    """The share of the text's tokens (the first `n`) that stand for single bytes, or for anything
    `unknown`: characters that the vocabulary does not have. 0 where there is no text."""
    read = zip(tokens.pieces[:n], tokens.ids[:n], tokens.spans[:n], strict=True)
    found = [bool(_BYTE.fullmatch(piece)) or i == unknown for piece, i, span in read if span]
    return sum(found) / max(1, len(found))


def word_labels(tokens: Tokens) -> tuple[str, ...]:
    """The text of each of the `words`."""
    return tuple(_text([tokens.pieces[i] for i in word]) for word in words(tokens))


def _joins(before: str, piece: str) -> bool:
    first, second = _BYTE.fullmatch(before), _BYTE.fullmatch(piece)
    if first and second:
        return 0x80 <= int(second[1], 16) < 0xC0  # inside a UTF-8 character
    return (before == " " and piece[:1] != " ") or continues(before, piece)


def _text(pieces: list[str]) -> str:
    if len(pieces) == 1:
        return label(pieces[0])
    data = b"".join(
        bytes.fromhex(byte[1]) if (byte := _BYTE.fullmatch(piece)) else piece.encode()
        for piece in pieces
    )
    return label(data.decode("utf-8", "replace"))


def _in_word(character: str) -> bool:
    """A letter, digit or accent, but not of a script that writes without spaces."""
    kind = unicodedata.category(character)[0] if character else ""
    return kind in ("L", "N", "M") and not SPACELESS.match(character)
