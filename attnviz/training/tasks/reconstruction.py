"""An autoencoder: a sentence is read into a few vectors, and written again from them alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sacrebleu.metrics.bleu import BLEU

from attnviz.pretrained import Bundle
from attnviz.tokenizer import Tokenizer
from attnviz.training.batch import IGNORE, Batch, chance, grouped, pad
from attnviz.training.corpus import held_out, read_sentences
from attnviz.training.quality import written
from attnviz.training.stage import Stage
from attnviz.training.task import Corpus, Task, percent
from attnviz.training.tasks.language import SENTENCES


class Copies(Corpus):
    """Sentences whose target is themselves; the decoder does not see a share `blind` of the tokens
    it has written, so that it has to ask the vectors."""

    def __init__(self, found: list[str], tokenizer: Tokenizer, n_ctx: int, blind: float) -> None:
        self.texts, self.tokenizer = found, tokenizer
        self._n_ctx, self._blind = n_ctx, blind

    def batches(
        self, n_tokens: int, seed: int, stage: Stage | None = None, alpha: float | None = None
    ) -> Iterator[Batch]:
        rng = chance(seed)
        t, blind = self.tokenizer, self._blind if stage else 0.0
        rows = [[*t.sample(text, alpha), t.end] for text in self.texts]
        rows = [row for row in rows if len(row) <= self._n_ctx]
        for group in grouped(rows, lambda row: (len(row),), n_tokens // 2, rng):
            source = pad(group, t.pad)
            seen = [[i if rng.random() >= blind else t.unknown for i in row[:-1]] for row in group]
            target = pad([[t.start, *row] for row in seen], t.pad)
            yield Batch(
                source=source, real=source != t.pad, target=target, labels=pad(group, IGNORE)
            )


@dataclass(frozen=True)
class Reconstruction(Task):
    """Write a sentence again. DATA holds the sentences of `language`."""

    blind: float = 0.2

    def texts(self, data: Path) -> list[str]:
        """What the vocabulary is learnt from."""
        return self._texts(data, "train")

    def _texts(self, data: Path, part: str) -> list[str]:
        wanted = part == "dev"
        return [text for text in read_sentences(data / SENTENCES) if held_out(text) == wanted]

    def corpus(self, data: Path, part: str, tokenizer: Tokenizer, n_ctx: int) -> Copies:
        """The sentences of the part "train" or "dev"."""
        return Copies(self._texts(data, part), tokenizer, n_ctx, self.blind)

    def scores(self, bundle: Bundle, data: Path) -> dict[str, float]:
        """How many percent of the held-out sentences come back whole; BLEU against themselves."""
        texts, t = self._texts(data, "dev"), bundle.tokenizer
        rows = [list(t.source(text, bundle.config.n_ctx).ids) for text in texts]
        found = written(bundle.model, t, rows)
        whole = sum(map(str.__eq__, texts, found)) / len(texts)
        bleu = BLEU().corpus_score(found, [texts]).score
        return {"whole": percent(whole), "bleu-self": round(bleu, 2), "texts": len(texts)}
