"""Rows of ids as rectangles, and examples of similar lengths put together."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import sentencepiece
import torch
from torch import Tensor

Example = TypeVar("Example")
IGNORE = -100
"""The label of a place that counts for nothing."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The model's inputs and what it should say: source BS with its mask of real tokens, decoder
    input BT, and a label for each row of the logits; what a model does not have is None."""

    labels: Tensor
    source: Tensor | None = None
    real: Tensor | None = None
    target: Tensor | None = None

    @property
    def n_tokens(self) -> int:
        """How many tokens are read, padding left out, and labels given."""
        read = 0 if self.real is None else int(self.real.sum())
        return read + int((self.labels != IGNORE).sum())


def chance(seed: int) -> random.Random:
    """What an epoch draws from; SentencePiece's random segmentations begin at `seed` too."""
    sentencepiece.set_random_generator_seed(seed)
    return random.Random(seed)


def pad(rows: Sequence[Sequence[int]], fill: int) -> Tensor:
    """Rows of ids as one rectangle BT, filled up with `fill`."""
    width = max(map(len, rows))
    return torch.tensor([[*row, *[fill] * (width - len(row))] for row in rows])


def grouped(
    examples: list[Example],
    lengths: Callable[[Example], tuple[int, ...]],
    n_tokens: int,
    rng: random.Random,
) -> list[list[Example]]:
    """Groups of examples of similar `lengths` in random order, at most `n_tokens` padded tokens in
    each; a longer example is a group of its own."""
    sized = [(lengths(example), example) for example in examples]
    sized.sort(key=lambda e: [n + rng.random() * 2 for n in reversed(e[0])])
    groups: list[list[Example]] = [[]]
    widths: tuple[int, ...] = (0,)
    for sizes, example in sized:
        wider = tuple(map(max, widths, sizes)) if groups[-1] else sizes
        if sum(wider) * (len(groups[-1]) + 1) > n_tokens and groups[-1]:
            groups.append([])
            wider = sizes
        groups[-1].append(example)
        widths = wider
    rng.shuffle(groups)
    return groups
