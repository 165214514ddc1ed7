"""What a model is trained to do: its data, its batches, its scores."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from attnviz.model.transformer import Transformer
from attnviz.pretrained import Bundle
from attnviz.tokenizer import Tokenizer
from attnviz.training.batch import Batch
from attnviz.training.stage import Stage


def percent(share: float) -> float:
    """A share from 0 to 1 as it is told."""
    return round(100 * share, 2)


class Corpus:
    """The examples of one part of a task's data."""

    def enter(self, stage: Stage, place: int, average: Transformer, folder: Path) -> None:
        """Called before every epoch: what a stage needs is made at its first `place`."""

    def batches(
        self, n_tokens: int, seed: int, stage: Stage | None = None, alpha: float | None = None
    ) -> Iterator[Batch]:
        """The batches of an epoch, of similar lengths and at most `n_tokens` padded tokens each, in
        random order; the same `seed` gives the same. Without a stage they are for scoring. Texts
        are cut by subword sampling of smoothness `alpha`."""
        raise NotImplementedError


class Task(Protocol):
    """One a file in `tasks`."""

    controls: tuple[str, ...] = ()
    """Tokens of its own that stand for no text."""
    symbols: tuple[str, ...] = ()
    """Texts that are always one token."""

    def texts(self, data: Path) -> list[str]:
        """What the vocabulary is learnt from."""
        ...

    def labels(self, data: Path) -> tuple[str, ...]:
        """The labels of a classifier; none for what writes tokens."""
        return ()

    def corpus(self, data: Path, part: str, tokenizer: Tokenizer, n_ctx: int) -> Corpus:
        """The examples of the part "train" or "dev"."""
        ...

    def scores(self, bundle: Bundle, data: Path) -> dict[str, float]:
        """What is measured on the held-out part, by measure; its name in words, with its unit, is
        the message "score-..." of the app."""
        ...

    def baselines(self, bundle: Bundle, data: Path) -> dict[str, dict[str, float]]:
        """What other methods reach on the same held-out part, by method (message "baseline-...")
        and measure."""
        return {}
