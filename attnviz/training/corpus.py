"""Sentence pairs from ManyThings-format files, and the batches made of them."""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import sentencepiece
import torch
from torch import Tensor

from attnviz.tokenizer import Tokenizer, clean

Pair = tuple[str, str]


def read_pairs(file: Path) -> list[Pair]:
    """Pairs of a tab-separated file: first language, second language, anything (a credit).

    Raises ValueError naming the line that has no tab."""
    pairs = []
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            fields = line.split("\t")
            if len(fields) < 2:
                raise ValueError(
                    f"{file.name}, line {number}: expected two texts with a tab between"
                )
            pairs.append((clean(fields[0]), clean(fields[1])))
    return pairs


@dataclass(frozen=True)
class Batch:
    """Padded ids: source BS with its mask of real tokens, decoder input and labels BT."""

    source: Tensor
    real: Tensor
    target: Tensor
    labels: Tensor


@dataclass(frozen=True, kw_only=True)
class Mix:
    """How an epoch is made of the pairs. Texts are cut by subword sampling of smoothness `alpha`; a
    share `paraphrased` of the sources is taken from `paraphrases`, lists as long as the pairs; a
    pair whose first text has a word of `copies` stands there that many times."""

    alpha: float | None = None
    paraphrased: float = 0.0
    paraphrases: Sequence[list[Pair]] = ()
    copies: Mapping[str, int] = field(default_factory=dict)

    def times(self, pair: Pair) -> int:
        """How often `pair` stands in the epoch."""
        found = self._words.findall(pair[0].lower()) if self._words else ()
        return max((self.copies[word] for word in found), default=1)

    @cached_property
    def _words(self) -> re.Pattern[str] | None:
        words = "|".join(map(re.escape, self.copies))
        return re.compile(rf"\b({words})s?\b") if words else None


PLAIN = Mix()


class Corpus:
    """Pairs in both directions."""

    def __init__(
        self, pairs: list[Pair], languages: tuple[str, str], tokenizer: Tokenizer, n_ctx: int
    ) -> None:
        self.pairs, self.languages, self.tokenizer = pairs, languages, tokenizer
        self._n_ctx = n_ctx

    def batches(self, n_tokens: int, seed: int, mix: Mix = PLAIN) -> Iterator[Batch]:
        """Batches of similar lengths, at most `n_tokens` padded tokens each, in random order. The
        same `seed` gives the same batches, so that every worker takes its share of one list."""
        rng = random.Random(seed)
        sentencepiece.set_random_generator_seed(seed)
        examples = [self._ids(*example, mix.alpha) for example in self._texts(rng, mix)]
        examples = [e for e in examples if max(map(len, e)) <= self._n_ctx]
        examples.sort(key=lambda e: (len(e[1]) + rng.random() * 2, len(e[0]) + rng.random() * 2))
        groups: list[list[tuple[list[int], list[int]]]] = [[]]
        widths = (0, 0)
        for example in examples:
            wider = (max(widths[0], len(example[0])), max(widths[1], len(example[1])))
            if sum(wider) * (len(groups[-1]) + 1) > n_tokens and groups[-1]:
                groups.append([])
                wider = (len(example[0]), len(example[1]))
            groups[-1].append(example)
            widths = wider
        rng.shuffle(groups)
        for group in groups:
            yield self._batch(group)

    def _texts(self, rng: random.Random, mix: Mix) -> Iterator[tuple[int, str, str]]:
        """Direction token, source and target of every example."""
        for side, to in ((0, self.languages[1]), (1, self.languages[0])):
            for i, pair in enumerate(self.pairs):
                for _ in range(mix.times(pair)):
                    source = pair[side]
                    if mix.paraphrased and rng.random() < mix.paraphrased:
                        source = rng.choice(mix.paraphrases)[i][side] or source
                    yield self.tokenizer.directions[to], source, pair[1 - side]

    def _ids(
        self, direction: int, source: str, target: str, alpha: float | None
    ) -> tuple[list[int], list[int]]:
        t = self.tokenizer
        cut = (lambda text: t.sample(text, alpha)) if alpha else (lambda text: t.encode(text).ids)
        return [direction, *cut(source), t.end], [t.start, *cut(target), t.end]

    def _batch(self, group: list[tuple[list[int], list[int]]]) -> Batch:
        sources, targets = zip(*group, strict=True)
        source = pad(sources, self.tokenizer.pad)
        target = pad(targets, self.tokenizer.pad)
        return Batch(source, source != self.tokenizer.pad, target[:, :-1], target[:, 1:])


def pad(rows: list[list[int]] | tuple[list[int], ...], fill: int) -> Tensor:
    """Rows of ids as one rectangle BT, filled up with `fill`."""
    width = max(map(len, rows))
    return torch.tensor([[*row, *[fill] * (width - len(row))] for row in rows])
