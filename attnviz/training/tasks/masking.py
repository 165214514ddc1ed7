"""A masked language model: hidden tokens are told from those around them.

Devlin et al. 2019, arXiv:1810.04805: of the chosen tokens eight in ten become <mask>, one another
token, one stays.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch

from attnviz.pretrained import Bundle
from attnviz.tokenizer import MASK, Tokenizer
from attnviz.training.batch import IGNORE, Batch, chance, grouped, pad
from attnviz.training.stage import Stage
from attnviz.training.task import Corpus, Task, percent
from attnviz.training.tasks import language

SHARE = 0.15
"""Of the tokens that are hidden for scoring."""
_SENTENCE_END = re.compile(r'(?<=[.!?]["”]) (?=[A-Z"“])|(?<=[.!?]) (?=[A-Z"“])')


def sentences(story: str) -> list[str]:
    """The story's sentences."""
    return _SENTENCE_END.split(story)


def chosen(row: list[int], share: float, rng: random.Random) -> list[int]:
    """The places to hide: a `share` of all but the end, at least one where there is one."""
    n_places = len(row) - 1
    return rng.sample(range(n_places), min(max(1, round(share * n_places)), n_places))


class Masked(Corpus):
    """Texts, of which another `share` of the tokens is hidden in every epoch."""

    def __init__(
        self, found: list[str], tokenizer: Tokenizer, n_ctx: int, share: float = SHARE
    ) -> None:
        self.texts, self.tokenizer = found, tokenizer
        self._n_ctx, self._share = n_ctx, share
        every = range(tokenizer.size)
        self._plain = [i for i in every if i != tokenizer.unknown and not tokenizer.is_special(i)]

    def batches(
        self, n_tokens: int, seed: int, stage: Stage | None = None, alpha: float | None = None
    ) -> Iterator[Batch]:
        rng = chance(seed)
        t = self.tokenizer
        rows = [[*t.sample(text, alpha), t.end][-self._n_ctx :] for text in self.texts]
        examples = [self._hidden(row, rng) for row in rows]
        for group in grouped(examples, lambda e: (len(e[0]),), n_tokens, rng):
            source = pad([e[0] for e in group], t.pad)
            labels = pad([e[1] for e in group], IGNORE)
            yield Batch(source=source, real=source != t.pad, labels=labels)

    def _hidden(self, row: list[int], rng: random.Random) -> tuple[list[int], list[int]]:
        """What is read, and the labels of the chosen places."""
        read, labels, mask = list(row), [IGNORE] * len(row), self.tokenizer.mask
        assert mask is not None, "the vocabulary has a piece for hidden tokens"
        for place in chosen(row, self._share, rng):
            labels[place], fate = row[place], rng.random()
            if fate < 0.8:
                read[place] = mask
            elif fate < 0.9:
                read[place] = rng.choice(self._plain)  # never what stands for padding
        return read, labels


@dataclass(frozen=True)
class Masking(Task):
    """Tell hidden tokens. DATA as for `language`, stories cut into their sentences, and `together`
    of them in a row; in training a `share` is hidden (more than Devlin's 15 % teach a small model
    faster, Wettig et al. 2022, arXiv:2202.08005)."""

    together: int = 3
    share: float = 0.25
    symbols: ClassVar[tuple[str, ...]] = (MASK,)

    def texts(self, data: Path) -> list[str]:
        """What the vocabulary is learnt from."""
        return self._texts(data, "train")

    def _texts(self, data: Path, part: str) -> list[str]:
        found = language.texts(data, part)
        texts = list(found["sentences"])
        for story in found["stories"]:
            many = sentences(story)
            texts += [
                " ".join(many[i : i + self.together]) for i in range(0, len(many), self.together)
            ]
        return texts

    def corpus(self, data: Path, part: str, tokenizer: Tokenizer, n_ctx: int) -> Masked:
        """The texts of the part "train" or "dev"."""
        return Masked(self._texts(data, part), tokenizer, n_ctx, self.share)

    @torch.inference_mode()
    def scores(self, bundle: Bundle, data: Path) -> dict[str, float]:
        """In how many percent a hidden piece of the held-out texts is the most probable one, or of
        the five most probable, and how many are hidden; each text with the same 15 % hidden,
        all of them as <mask>."""
        model, t = bundle.model, bundle.tokenizer
        first = five = count = 0
        rng = random.Random(0)
        for text in self._texts(data, "dev"):
            row = [*t.encode(text).ids, t.end][-model.config.n_ctx :]
            hidden = chosen(row, SHARE, rng)
            read = [t.mask if i in hidden else token for i, token in enumerate(row)]
            logits = model(torch.tensor([read], device=bundle.device))[0]
            best = logits[hidden].topk(5).indices.tolist()
            for place, tokens in zip(hidden, best, strict=True):
                first, five = first + (row[place] == tokens[0]), five + (row[place] in tokens)
            count += len(hidden)
        return {
            "told-first": percent(first / count),
            "told-five": percent(five / count),
            "hidden": count,
        }
