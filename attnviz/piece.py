"""Tokens that somebody gives as bare texts -> Tokens, with the marks of known tokenizers read."""

import re
from collections.abc import Iterable, Sequence

from attnviz.error import InputError
from attnviz.tokenizer import SPACELESS
from attnviz.trace import Tokens

Pieces = str | Tokens | Iterable[object]
"""One side's tokens: a text for each, one text whose words they are, or tokens of a trace."""

LONGEST = 80
"""Characters of one token that are kept; more is no token."""
_SPECIAL = re.compile(r"<\|?/?[A-Za-z][\w-]*\|?>|\[[A-Z]{2,}\]|<2[a-z]+>")
_MARKED = str.maketrans({"▁": " ", "Ġ": " ", "Ċ": "\n", "ĉ": "\t"})


def tokens(given: Pieces | None, size: int, side: str) -> Tokens:
    """`given` as the tokens of `side`, which has `size` rows or columns; None is their numbers.

    Word starts are read from the marks of SentencePiece (▁), byte-level BPE (Ġ) and WordPiece (##);
    without any, each text is a word. "</s>" and "[CLS]" are special. Raises InputError where the
    count differs.
    """
    found = given if isinstance(given, Tokens) else _tokens(_texts(given, size))
    if len(found) != size:
        message = f"there are {len(found)} {side} tokens for weights of {size}"
        raise InputError("weights-tokens", message, side=side, found=len(found), size=size)
    return found


def _texts(given: str | Iterable[object] | None, size: int) -> list[str]:
    if given is None:
        return [str(i) for i in range(size)]
    if isinstance(given, str):
        return given.split()
    return [x.decode("utf-8", "replace") if isinstance(x, bytes) else str(x) for x in given]


def _tokens(texts: Sequence[str]) -> Tokens:
    special = tuple(bool(_SPECIAL.fullmatch(text)) for text in texts)
    pieces = tuple(piece[:LONGEST] for piece in _pieces(texts, special))
    said = "".join(p for p, is_special in zip(pieces, special, strict=True) if not is_special)
    shift, end, spans = len(said) - len(said.lstrip()), 0, []
    for piece, is_special in zip(pieces, special, strict=True):
        begin, end = end, end + (0 if is_special else len(piece))
        spans.append(None if is_special else (max(0, begin - shift), max(0, end - shift)))
    return Tokens(said.lstrip(), pieces, tuple(range(len(pieces))), tuple(spans), special)


def _pieces(texts: Sequence[str], special: Sequence[bool]) -> list[str]:
    """The texts with a leading space where a word starts."""
    if any(text.startswith((" ", "▁", "Ġ")) for text in texts):
        return [text.translate(_MARKED) for text in texts]
    marked = [
        text if is_special or _goes_on(text) else f" {text}"
        for text, is_special in zip(texts, special, strict=True)
    ]
    return [text.removeprefix("##") if len(text) > 2 else text for text in marked]


def _goes_on(text: str) -> bool:
    """Whether no space stands before it: a WordPiece inside a word, Chinese, a punctuation mark."""
    inside = text.startswith("##") and len(text) > 2
    return inside or not text[:1].isalnum() or bool(SPACELESS.match(text))
