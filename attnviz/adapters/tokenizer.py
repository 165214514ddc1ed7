"""A tokenizer of `transformers` with the face of our own: pieces as a reader would write them, and
every token's place in the cleaned text.

The Rust tokenizer is asked directly: it is shared by all sessions, and transformers sets its limits
anew at every call.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from attnviz.adapters.piece import reader
from attnviz.adapters.slow import Slow
from attnviz.error import InputError
from attnviz.pretrained import LoadError
from attnviz.tokenizer import MASK, clean
from attnviz.trace import Tokens

Span = tuple[int, int]


class ForeignTokenizer:
    """`known` are the ids of special tokens that the model's configuration has. Raises LoadError
    where source and target have different vocabularies."""

    directions: Mapping[str, int] = {}

    def __init__(self, hf: Any, known: Mapping[str, int | None]) -> None:
        self._hf = hf
        if getattr(hf, "separate_vocabs", False):
            message = "its tokenizer has another vocabulary for each language"
            raise LoadError("vocabularies", message)
        self._rust: Any = hf.backend_tokenizer if hf.is_fast else Slow(hf)
        if hf.is_fast:
            self._rust.no_truncation()
            self._rust.no_padding()
        self._piece = reader(self._rust)
        starts = (known["decoder_start_token_id"], known["bos_token_id"], hf.bos_token_id)
        self.start = _first(*starts, hf.cls_token_id, hf.pad_token_id)
        self.end = _first(known["eos_token_id"], hf.eos_token_id, hf.sep_token_id)
        self.pad = _first(hf.pad_token_id, known["pad_token_id"])
        self.unknown = _first(hf.unk_token_id)
        self.mask: int | None = hf.mask_token_id
        self.size = len(hf)
        self.limit = hf.model_max_length if hf.model_max_length < 1_000_000 else None
        ends = {hf.bos_token_id, hf.eos_token_id, hf.pad_token_id, hf.cls_token_id, hf.sep_token_id}
        self._special = (set(hf.all_special_ids) - {hf.unk_token_id, hf.mask_token_id}) | (
            ends | {self.start, self.end, self.pad}
        ) & set(hf.all_special_ids)

    @property
    def hidden(self) -> str:
        """What stands in a text for a hidden token; "" for a model that hides nothing."""
        return "" if self.mask is None else self._hf.mask_token

    def is_special(self, token: int) -> bool:
        """Whether the token stands for no text."""
        return token in self._special

    def piece(self, token: int) -> str:
        """The token as its reader would write it; a leading space is a word start."""
        name = self._rust.id_to_token(token)
        if name is None:
            return f"<{token}>"
        return name if self.is_special(token) else self._piece(name)

    def source(
        self, text: str, limit: int, *, to: str | None = None, encoder: bool = True
    ) -> Tokens:
        """Tokens of `text` among the special tokens that belong to it, at most `limit` in all: what
        does not fit is cut at the end of the text. <mask> is the model's own, whatever its name."""
        text = clean(text)
        if self.mask is not None:
            text = text.replace(MASK, self._hf.mask_token)
        found = self._rust.encode(text)
        if not found.ids:
            raise InputError("empty", "The text is empty: type a sentence.")
        over = max(0, len(found.ids) - limit)
        words = [i for i, special in enumerate(found.special_tokens_mask) if not special]
        left_out = set(words[len(words) - over :]) if over else set()
        kept = [i for i in range(len(found.ids)) if i not in left_out]
        while not encoder and len(kept) > 1 and found.ids[kept[-1]] == self.end:
            kept.pop()  # a decoder goes on: its text has not ended
        spans = [None if found.special_tokens_mask[i] else found.offsets[i] for i in kept]
        return self._tokens(text, [found.ids[i] for i in kept], spans)

    def encode(
        self, text: str, before: Sequence[int] = (), after: Sequence[int] = (), limit: int = 0
    ) -> Tokens:
        """Tokens of `text` between the special tokens `before` and `after`; at most `limit` in all,
        where it is given: what does not fit is cut at the end of the text."""
        text = clean(text)
        found = self._rust.encode(text, add_special_tokens=False)
        n = max(0, limit - len(before) - len(after)) if limit else len(found.ids)
        ids = [*before, *found.ids[:n], *after]
        spans = [*[None] * len(before), *found.offsets[:n], *[None] * len(after)]
        return self._tokens(text, ids, spans)

    def tokens(self, ids: Sequence[int]) -> Tokens:
        """Tokens of finished ids, as the decoder wrote them, with spans in the decoded text."""
        plain = [i for i in ids if not self.is_special(i)]
        text = self._text(plain)
        shift = len(text) - len(text.lstrip(" "))
        ends = [0]
        for n in range(1, len(plain) + 1):  # an unfinished character ends in a replacement mark
            ends.append(max(ends[-1], len(self._text(plain[:n]).rstrip("\ufffd")) - shift))
        begun = iter(pairwise(ends))
        spans = [None if self.is_special(i) else next(begun) for i in ids]
        return self._tokens(text[shift:], ids, spans)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`, special tokens left out."""
        return self._text([i for i in ids if not self.is_special(i)]).strip()

    def _text(self, ids: Sequence[int]) -> str:
        return self._rust.decode(ids, skip_special_tokens=False)

    def _tokens(self, text: str, ids: Sequence[int], spans: Sequence[Span | None]) -> Tokens:
        pieces = [self.piece(i) for i in ids]
        if not self._piece.marks_starts:
            pieces = [_started(p, span, text) for p, span in zip(pieces, spans, strict=True)]
        return Tokens(
            text=text,
            pieces=tuple(pieces),
            ids=tuple(ids),
            spans=tuple(_whole(spans)),
            special=tuple(self.is_special(i) for i in ids),
        )


def _started(piece: str, span: Span | None, text: str) -> str:
    """The piece with a space before it just where the text has one, or begins."""
    if span is None:
        return piece
    begins = span[0] == 0 or " " in text[span[0] - 1 : span[0] + 1]
    return f" {piece.lstrip(' ')}" if begins else piece.lstrip(" ")


def _whole(spans: Sequence[Span | None]) -> list[Span | None]:
    """Spans that do not overlap: of tokens that share a character the last one has it."""
    found: list[Span | None] = []
    for i, span in enumerate(spans):
        after = next((s for s in spans[i + 1 :] if s is not None), None)
        shared = span is not None and after is not None and after[0] < span[1]
        found.append((span[0], max(span[0], after[0])) if shared else span)  # type: ignore[index]
    return found


def _first(*ids: int | None) -> int:
    """The first id there is, -1 for none."""
    return next((i for i in ids if i is not None), -1)
