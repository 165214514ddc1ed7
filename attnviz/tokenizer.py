"""Text to tokens and back: SentencePiece, with every token's place in the text.

SentencePiece's own normalisation is off (it would fold Chinese full-width punctuation): the text is
cleaned here, and `Tokens.text` is the cleaned text that spans point into.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import sentencepiece

from attnviz.trace import Tokens

SPACELESS = re.compile(r"[⺀-⿟　-鿿豈-﫿︰-﹏＀-￯\U00020000-\U0003ffff]")
MASK = "<mask>"
"""The piece that stands for a hidden token."""
_DIRECTION = re.compile(r"<2([a-z]+)>")
_HAN = re.compile(r"[㐀-䶿一-鿿豈-﫿\U00020000-\U0003ffff]")
_LATIN = re.compile(r"[A-Za-z]+")
_MARK = "▁"


def clean(text: str) -> str:
    """Composed (NFC), no control characters, one space between words."""
    text = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())
    text = "".join(" " if unicodedata.category(c) == "Cc" else c for c in text)
    return " ".join(text.replace(_MARK, "_").split())


def spaced(text: str) -> str:
    """`text` as SentencePiece reads it: a word start is a space, a Chinese start is none."""
    return text if not text or SPACELESS.match(text) else f" {text}"


class Tokenizer:
    """A SentencePiece model with the special tokens <pad> <unk> <s> </s> and directions <2xx>."""

    def __init__(self, file: Path) -> None:
        self._model = sentencepiece.SentencePieceProcessor(model_file=str(file))

    @property
    def size(self) -> int:
        return self._model.get_piece_size()

    @property
    def start(self) -> int:
        """Id of <s>, the decoder's first token."""
        return self._model.bos_id()

    @property
    def end(self) -> int:
        """Id of </s>."""
        return self._model.eos_id()

    @property
    def pad(self) -> int:
        return self._model.pad_id()

    @property
    def unknown(self) -> int:
        return self._model.unk_id()

    @cached_property
    def mask(self) -> int | None:
        """Id of <mask>; None for a model that hides nothing."""
        found = self._model.piece_to_id(MASK)
        return None if found == self.unknown else found

    @property
    def hidden(self) -> str:
        """What is typed for a hidden token; "" for a model that hides nothing."""
        return "" if self.mask is None else MASK

    @cached_property
    def directions(self) -> dict[str, int]:
        """Language to the id of its token: {"en": 4, "zh": 5}; empty for a one-language model."""
        pieces = ((i, self._model.id_to_piece(i)) for i in range(self.size))
        return {m[1]: i for i, piece in pieces if (m := _DIRECTION.fullmatch(piece))}

    def other_language(self, text: str) -> str:
        """Where a translation of `text` goes: English where there are Chinese characters, and no
        fewer than Latin words, else Chinese; where the model lacks it, the first language it has.
        """
        n_chinese, n_latin = len(_HAN.findall(text)), len(_LATIN.findall(text))
        wanted = "en" if n_chinese and n_chinese >= n_latin else "zh"
        return wanted if wanted in self.directions else next(iter(self.directions))

    def is_special(self, token: int) -> bool:
        """Whether the token stands for no text."""
        return self._model.is_control(token)

    def piece(self, token: int) -> str:
        """The token as its reader would write it; a leading space is a word start."""
        return self._model.id_to_piece(token).replace(_MARK, " ")

    def encode(
        self, text: str, before: Sequence[int] = (), after: Sequence[int] = (), limit: int = 0
    ) -> Tokens:
        """Tokens of `text` between the special tokens `before` and `after`; at most `limit` in all,
        where it is given: what does not fit is cut at the end of the text."""
        text = clean(text)
        pieces = self._pieces(spaced(text))
        if limit:
            pieces = pieces[: max(0, limit - len(before) - len(after))]
        spans = _spans([surface for _, surface in pieces], len(spaced(text)) - len(text))
        ids = [*before, *(token for token, _ in pieces), *after]
        return self._tokens(text, ids, [*[None] * len(before), *spans, *[None] * len(after)])

    def _pieces(self, text: str) -> list[tuple[int, str]]:
        """Ids, and the part of `text` that each stands for. A space before <mask> is part of it, as
        it is of the words that are hidden in training."""
        found: list[tuple[int, str]] = []
        before = ""
        for p in self._model.encode(text, return_type="proto").pieces:
            space = found.pop()[1] if p.id == self.mask and before == _MARK else ""
            found.append((p.id, space + p.surface))
            before = p.piece
        return found

    def source(
        self, text: str, limit: int, *, to: str | None = None, encoder: bool = True
    ) -> Tokens:
        """The text as an encoder reads it, the token of the language `to` first and </s> last, or
        as a decoder alone does: <s> first. At most `limit` tokens in all."""
        if not encoder:
            return self.encode(text, [self.start], limit=limit)
        return self.encode(text, [self.directions[to]] if to else [], [self.end], limit)

    def tokens(self, ids: Sequence[int]) -> Tokens:
        """Tokens of finished ids, as the decoder wrote them; spans are those of the decoded text.

        Ids need not be what `encode` would make of the text."""
        plain = [i for i in ids if not self.is_special(i)]
        proto = self._model.decode(plain, return_type="proto")
        shift = len(proto.text) - len(proto.text.lstrip(" "))
        found = iter(_spans([p.surface for p in proto.pieces], shift))
        spans = [None if self.is_special(i) else next(found) for i in ids]
        return self._tokens(proto.text[shift:], ids, spans)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`, special tokens left out."""
        return self._model.decode([i for i in ids if not self.is_special(i)]).strip()

    def sample(self, text: str, alpha: float | None) -> list[int]:
        """Ids of one random segmentation (Kudo 2018, arXiv:1804.10959); small `alpha` is wilder,
        None takes the best."""
        if alpha is None:
            return self._model.encode(spaced(text))
        return self._model.encode(
            spaced(text), return_type=int, enable_sampling=True, alpha=alpha, nbest_size=-1
        )

    def _tokens(
        self, text: str, ids: Sequence[int], spans: Sequence[tuple[int, int] | None]
    ) -> Tokens:
        return Tokens(
            text=text,
            pieces=tuple(self.piece(i) for i in ids),
            ids=tuple(ids),
            spans=tuple(spans),
            special=tuple(self.is_special(i) for i in ids),
        )


def _spans(surfaces: Sequence[str], shift: int) -> list[tuple[int, int]]:
    """Where each piece stands in the text that lacks its first `shift` characters. A byte piece
    is empty until the last byte of its character."""
    spans, end = [], -shift
    for surface in surfaces:
        begin, end = end, end + len(surface)
        spans.append((max(0, begin), max(0, end)))
    return spans
