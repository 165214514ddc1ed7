"""Translation between two languages, each pair in both directions."""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from attnviz import pretrained
from attnviz.model.transformer import Transformer
from attnviz.pretrained import Bundle
from attnviz.tokenizer import Tokenizer
from attnviz.training import paraphrase, quality
from attnviz.training.batch import IGNORE, Batch, chance, grouped, pad
from attnviz.training.corpus import Pair, read_pairs
from attnviz.training.stage import Stage
from attnviz.training.task import Corpus, Task


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


class Pairs(Corpus):
    """Pairs in both directions."""

    def __init__(
        self,
        pairs: list[Pair],
        languages: tuple[str, str],
        tokenizer: Tokenizer,
        n_ctx: int,
        teacher: str = "",
    ) -> None:
        self.pairs, self.languages, self.tokenizer = pairs, languages, tokenizer
        self.paraphrases: list[list[Pair]] = []
        self._n_ctx, self._teacher = n_ctx, teacher

    def enter(self, stage: Stage, place: int, average: Transformer, folder: Path) -> None:
        """At the beginning of the first stage that wants them, make the paraphrases: by the model
        itself, or by the `teacher`. Raises FileNotFoundError where they are gone later: others
        would be made."""
        if stage.paraphrased and not self.paraphrases:
            if place == 0:
                maker, tokenizer = average, self.tokenizer
                if self._teacher:
                    taught = pretrained.load(self._teacher, str(average.embed.W_E.device))
                    maker, tokenizer = taught.model, taught.tokenizer
                paraphrase.write(maker, tokenizer, self.pairs, self.languages, folder)
            self.paraphrases = paraphrase.read(self.pairs, folder)

    def batches(
        self, n_tokens: int, seed: int, stage: Stage | None = None, alpha: float | None = None
    ) -> Iterator[Batch]:
        """Batches of an epoch of `stage`."""
        if stage is None:
            return self.mixed(n_tokens, seed)
        about = {"alpha": alpha, "paraphrased": stage.paraphrased, "copies": stage.copies}
        return self.mixed(n_tokens, seed, Mix(paraphrases=self.paraphrases, **about))

    def mixed(self, n_tokens: int, seed: int, mix: Mix = PLAIN) -> Iterator[Batch]:
        """Batches of similar lengths, at most `n_tokens` padded tokens each, in random order. The
        same `seed` gives the same batches, so that every worker takes its share of one list."""
        rng = chance(seed)
        examples = [self._ids(*example, mix.alpha) for example in self._texts(rng, mix)]
        examples = [e for e in examples if max(map(len, e)) <= self._n_ctx]
        for group in grouped(examples, lambda e: (len(e[0]), len(e[1])), n_tokens, rng):
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
        read, write = t.sample(source, alpha), t.sample(target, alpha)
        return [direction, *read, t.end], [t.start, *write, t.end]

    def _batch(self, group: list[tuple[list[int], list[int]]]) -> Batch:
        sources, targets = zip(*group, strict=True)
        source = pad(sources, self.tokenizer.pad)
        target = pad([row[:-1] for row in targets], self.tokenizer.pad)
        labels = pad([row[1:] for row in targets], IGNORE)
        return Batch(source=source, real=source != self.tokenizer.pad, target=target, labels=labels)


@dataclass(frozen=True, kw_only=True)
class Translation(Task):
    """Translate between `languages`; paraphrases are made by the built-in model `teacher`, or by
    the model in training. DATA holds train.tsv and dev.tsv."""

    languages: tuple[str, str]
    teacher: str = ""

    @property
    def controls(self) -> tuple[str, ...]:
        """The tokens that say which way to go."""
        return tuple(f"<2{language}>" for language in self.languages)

    def texts(self, data: Path) -> list[str]:
        """What the vocabulary is learnt from."""
        return [text for pair in read_pairs(data / "train.tsv") for text in pair]

    def corpus(self, data: Path, part: str, tokenizer: Tokenizer, n_ctx: int) -> Pairs:
        """The pairs of the part "train" or "dev"."""
        pairs = read_pairs(data / f"{part}.tsv")
        return Pairs(pairs, self.languages, tokenizer, n_ctx, self.teacher)

    def scores(self, bundle: Bundle, data: Path) -> dict[str, float]:
        """sacreBLEU on dev.tsv, greedy, by target language."""
        pairs = read_pairs(data / "dev.tsv")
        found = quality.both_ways(bundle.model, bundle.tokenizer, pairs, self.languages)
        return {f"bleu-{language}": round(found[language].score, 2) for language in found}
