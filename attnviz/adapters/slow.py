"""A tokenizer of `transformers` that is written in Python (Marian's), asked as a Rust one is.

It does not tell where in the text its tokens stand: each is looked for from where the last one
ended. It switches between source and target inside, so that one session at a time may ask it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from attnviz.adapters.piece import MARK


@dataclass(frozen=True)
class Cut:
    """A text in tokens, under the names that the `tokenizers` package has."""

    ids: list[int]
    offsets: list[tuple[int, int]]
    special_tokens_mask: list[int]


class Slow:
    """Asks `hf`; its answers are those of a `tokenizers.Tokenizer`."""

    def __init__(self, hf: Any) -> None:
        self._hf = hf
        self._lock = Lock()

    def encode(self, text: str, add_special_tokens: bool = True) -> Cut:
        """A source with its special tokens, or a target without any."""
        side = "text" if add_special_tokens else "text_target"
        with self._lock:
            ids = self._hf(**{side: text}, add_special_tokens=add_special_tokens)["input_ids"]
        ends = set(self._hf.all_special_ids) - {self._hf.unk_token_id}
        special = [int(i in ends) for i in ids]
        names = [self.id_to_token(i) for i in ids]
        return Cut(ids, found(names, special, text), special)

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = False) -> str:
        """The text of the ids."""
        with self._lock:
            return self._hf.convert_tokens_to_string([self.id_to_token(i) for i in ids])

    def id_to_token(self, token: int) -> str:
        return self._hf.convert_ids_to_tokens(token)

    def get_vocab(self) -> dict[str, int]:
        return self._hf.get_vocab()

    def to_str(self) -> str:
        """What a Rust tokenizer says of itself; this one says nothing."""
        return '{"model": {}}'


def found(names: Sequence[str], special: Sequence[int], text: str) -> list[tuple[int, int]]:
    """Where each token stands. One that is not next in the text (an unknown word, a sign that was
    changed into another) goes up to where the next one that is found begins."""
    spans: list[tuple[int, int]] = []
    end, waiting = 0, False
    for name, is_special in zip(names, special, strict=True):
        surface = name.replace(MARK, " ").strip()
        if is_special or not surface:  # a space alone belongs to the word after it
            spans.append((end, end))
            continue
        begin = text.find(surface, end)
        if begin < 0 or (text[end:begin].strip() and not waiting):
            spans.append((end, end))
            waiting = True
            continue
        if waiting:
            spans, waiting = _stretched(spans, end, text[:begin]), False
        end = begin + len(surface)
        spans.append((begin, end))
    return _stretched(spans, end, text) if waiting else spans


def _stretched(spans: list[tuple[int, int]], begin: int, text: str) -> list[tuple[int, int]]:
    """The last of the empty spans at `begin` takes what is left of the text."""
    last = max(i for i, span in enumerate(spans) if span == (begin, begin))
    return [*spans[:last], (begin, max(begin, len(text.rstrip()))), *spans[last + 1 :]]
