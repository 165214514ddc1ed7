"""A language model of stories and sentences: every token is told from those before it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from attnviz.model.transformer import Transformer
from attnviz.pretrained import Bundle
from attnviz.tokenizer import Tokenizer
from attnviz.training.batch import IGNORE, Batch, chance, grouped, pad
from attnviz.training.corpus import held_out, read_sentences, read_stories
from attnviz.training.ngram import NGram
from attnviz.training.stage import Stage
from attnviz.training.task import Corpus, Task

STORIES, SENTENCES = "tinystories_train_first2MiB.txt", "tatoeba_english_sentences.txt"


def texts(data: Path, part: str) -> dict[str, list[str]]:
    """The stories and the sentences of the part "train" or "dev"."""
    found = {
        "stories": read_stories(data / STORIES),
        "sentences": read_sentences(data / SENTENCES),
    }
    wanted = part == "dev"
    return {name: [t for t in many if held_out(t) == wanted] for name, many in found.items()}


class Windows(Corpus):
    """Texts in pieces of at most n_ctx tokens."""

    def __init__(self, found: list[str], tokenizer: Tokenizer, n_ctx: int) -> None:
        self.texts, self.tokenizer, self._n_ctx = found, tokenizer, n_ctx

    def batches(
        self, n_tokens: int, seed: int, stage: Stage | None = None, alpha: float | None = None
    ) -> Iterator[Batch]:
        rng = chance(seed)
        t = self.tokenizer
        rows = [[t.start, *t.sample(text, alpha), t.end] for text in self.texts]
        windows = [window for row in rows for window in self._windows(row)]
        for group in grouped(windows, lambda row: (len(row),), n_tokens, rng):
            target = pad([row[:-1] for row in group], t.pad)
            yield Batch(target=target, labels=pad([row[1:] for row in group], IGNORE))

    def _windows(self, row: list[int]) -> Iterator[list[int]]:
        for begin in range(0, max(1, len(row) - 1), self._n_ctx):
            yield row[begin : begin + self._n_ctx + 1]


@dataclass(frozen=True)
class Language(Task):
    """Write on. DATA holds the two files named above."""

    def texts(self, data: Path) -> list[str]:
        """What the vocabulary is learnt from."""
        return [text for many in texts(data, "train").values() for text in many]

    def corpus(self, data: Path, part: str, tokenizer: Tokenizer, n_ctx: int) -> Windows:
        """The texts of the part "train" or "dev"."""
        found = [text for many in texts(data, part).values() for text in many]
        return Windows(found, tokenizer, n_ctx)

    def scores(self, bundle: Bundle, data: Path) -> dict[str, float]:
        """Bits a character and perplexity a piece of the held-out texts."""
        assert isinstance(bundle.model, Transformer), "our own models alone are scored"
        found = {}
        for name, many in texts(data, "dev").items():
            bits, n_pieces = held_out_bits(bundle.model, bundle.tokenizer, many)
            found[f"bits-{name}"] = round(bits / sum(map(len, many)), 3)
            found[f"perplexity-{name}"] = round(2 ** (bits / n_pieces), 1)
        return found

    def baselines(self, bundle: Bundle, data: Path) -> dict[str, dict[str, float]]:
        """A 5-gram model with Kneser-Ney smoothing, of the same pieces and texts."""
        t = bundle.tokenizer
        train = [text for many in texts(data, "train").values() for text in many]
        grams = NGram([[*t.encode(x).ids, t.end] for x in train], n=5, size=t.size)
        found = {}
        for name, many in texts(data, "dev").items():
            bits = sum(grams.bits([*t.encode(text).ids, t.end]) for text in many)
            found[f"bits-{name}"] = round(bits / sum(map(len, many)), 3)
        return {"kneser-ney": found}


@torch.inference_mode()
def held_out_bits(model: Transformer, tokenizer: Tokenizer, many: list[str]) -> tuple[float, int]:
    """Bits that the texts with their ends cost the model, and how many pieces they are. Beyond
    n_ctx every piece has at least half a context before it."""
    bits, count, n_ctx = 0.0, 0, model.config.n_ctx
    for text in many:
        row = [tokenizer.start, *tokenizer.encode(text).ids, tokenizer.end]
        told = 1
        while told < len(row):
            end = min(len(row), n_ctx + 1 if told == 1 else told + n_ctx // 2)
            window = row[max(0, end - n_ctx - 1) : end]
            ids = torch.tensor([window], device=model.embed.W_E.device)
            logits = model(target_BT=ids[:, :-1])[0].float()
            n_new = end - told
            loss = torch.nn.functional.cross_entropy(
                logits[-n_new:], ids[0, -n_new:], reduction="sum"
            )
            bits, count, told = bits + loss.item() / math.log(2), count + n_new, end
    return bits, count
