"""A classifier: each text has one of the model's labels."""

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from attnviz.pretrained import Bundle
from attnviz.tokenizer import Tokenizer
from attnviz.training import linear
from attnviz.training.batch import Batch, chance, grouped, pad
from attnviz.training.corpus import Labelled, held_out, read_labelled
from attnviz.training.stage import Stage
from attnviz.training.task import Corpus, Task, percent

_BEFORE_MARK = re.compile(r" (?=[,.;:!?)\]%])|(?<=[(\[]) ")
_LINK = re.compile(r"https?://\S+")


def written(text: str) -> str:
    """The text as people write it: no space before a comma, no shortened web addresses, whose
    letters are chance."""
    return " ".join(_BEFORE_MARK.sub("", _LINK.sub("", text)).split())


class LabelledTexts(Corpus):
    """Texts with the number of their label; of a text in training a share `dropped` of the tokens
    is left out."""

    def __init__(
        self, found: list[tuple[str, int]], tokenizer: Tokenizer, n_ctx: int, dropped: float
    ) -> None:
        self.texts, self.tokenizer = found, tokenizer
        self._n_ctx, self._dropped = n_ctx, dropped

    def batches(
        self, n_tokens: int, seed: int, stage: Stage | None = None, alpha: float | None = None
    ) -> Iterator[Batch]:
        rng = chance(seed)
        dropped = self._dropped if stage else 0.0
        examples = [(self._row(text, alpha, dropped, rng), label) for text, label in self.texts]
        for group in grouped(examples, lambda e: (len(e[0]),), n_tokens, rng):
            source = pad([row for row, _ in group], self.tokenizer.pad)
            labels = torch.tensor([[label] for _, label in group])
            yield Batch(source=source, real=source != self.tokenizer.pad, labels=labels)

    def _row(self, text: str, alpha: float | None, dropped: float, rng: random.Random) -> list[int]:
        ids = self.tokenizer.sample(text, alpha)[: self._n_ctx - 1]
        return [*(i for i in ids if rng.random() >= dropped), self.tokenizer.end]


@dataclass(frozen=True, kw_only=True)
class Classification(Task):
    """Name the label of a text. DATA holds `train` and `test`; where they are one file, every tenth
    text is for the test. `names` maps a label of the files to its name."""

    train: str
    test: str
    names: Mapping[str, str] = field(default_factory=dict)
    dropped: float = 0.1

    def labelled(self, data: Path, part: str) -> list[Labelled]:
        """Texts and the names of their labels, of the part "train" or "dev". What is empty, or read
        in the test too once links and capital letters are gone, is left out of the training."""
        if part == "dev":
            return self._read(data, part)
        tested = {text.casefold() for text, _ in self._read(data, "dev")} | {""}
        return [one for one in self._read(data, part) if one[0].casefold() not in tested]

    def _read(self, data: Path, part: str) -> list[Labelled]:
        found = read_labelled(data / (self.train if part == "train" else self.test))
        if self.train == self.test:
            found = [one for one in found if held_out(one[0], 10) == (part == "dev")]
        return [(written(text), self.names.get(label, label)) for text, label in found]

    def labels(self, data: Path) -> tuple[str, ...]:
        """All labels in the order of the alphabet."""
        return tuple(sorted({label for _, label in self.labelled(data, "train")}))

    def texts(self, data: Path) -> list[str]:
        """What the vocabulary is learnt from."""
        return [text for text, _ in self.labelled(data, "train")]

    def corpus(self, data: Path, part: str, tokenizer: Tokenizer, n_ctx: int) -> LabelledTexts:
        """The texts of the part "train" or "dev"."""
        place = {name: i for i, name in enumerate(self.labels(data))}
        found = [(text, place[label]) for text, label in self.labelled(data, part)]
        return LabelledTexts(found, tokenizer, n_ctx, self.dropped)

    @torch.inference_mode()
    def scores(self, bundle: Bundle, data: Path) -> dict[str, float]:
        """How many percent of the test texts get their label, and how many there are."""
        model, t = bundle.model, bundle.tokenizer
        corpus = self.corpus(data, "dev", t, model.config.n_ctx)
        right = 0
        for batch in corpus.batches(4000, 0):
            assert batch.source is not None, "a classifier reads a source"
            assert batch.real is not None
            logits = model(batch.source.to(bundle.device), None, batch.real.to(bundle.device))
            right += int((logits.argmax(-1).cpu() == batch.labels).sum())
        n = len(corpus.texts)
        return {"accuracy": percent(right / n), "texts": n}

    def baselines(self, bundle: Bundle, data: Path) -> dict[str, dict[str, float]]:
        """Counts of words and letters, weighted, and one linear layer."""
        found = linear.accuracy(self.labelled(data, "train"), self.labelled(data, "dev"))
        return {"svm": {"accuracy": percent(found)}}
