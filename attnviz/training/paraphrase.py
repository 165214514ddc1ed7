"""Other sources for the same targets, made by the model that is being trained.

Back-translation (Sennrich et al. 2016, arXiv:1511.06709) of the training pairs themselves, as in
data diversification (Nguyen et al. 2020, arXiv:1911.01986): each text is translated from its
partner, with chance, and stands in for it as a source. The targets stay what people wrote.
"""

from pathlib import Path

import torch

from attnviz.model.generate import sampled
from attnviz.model.transformer import Transformer
from attnviz.tokenizer import clean
from attnviz.training import workers
from attnviz.training.corpus import Corpus, Pair, read_pairs
from attnviz.training.quality import translate

COPIES = 2
TEMPERATURE, MOST = 0.8, 8


def write(model: Transformer, corpus: Corpus, folder: Path) -> None:
    """Make COPIES paraphrases of every pair, each worker its share; what a run that was cut off
    left there is kept."""
    files = _files(folder)
    for copy in range(workers.RANK, COPIES, workers.COUNT):
        if not files[copy].is_file():
            pairs = make(model, corpus, seed=copy)
            part = files[copy].with_suffix(".part")
            part.write_text("".join(f"{a}\t{b}\n" for a, b in pairs), encoding="utf-8")
            part.replace(files[copy])
    workers.wait()


def read(corpus: Corpus, folder: Path) -> list[list[Pair]]:
    """What `write` left. Raises FileNotFoundError where there is nothing, and ValueError where it
    belongs to other pairs."""
    found = [read_pairs(file) for file in _files(folder)]
    for copy in found:
        if len(copy) != len(corpus.pairs):
            raise ValueError(
                f"{folder.name} holds {len(copy)} paraphrases, but there are {len(corpus.pairs)}"
                " pairs: remove them, or the whole run"
            )
    return found


def _files(folder: Path) -> list[Path]:
    return [folder / f"paraphrases-{copy}.tsv" for copy in range(COPIES)]


def make(model: Transformer, corpus: Corpus, seed: int) -> list[Pair]:
    """For every pair (a, b) a translation of b in the place of a, and one of a in that of b."""
    device = next(model.parameters()).device
    choose = sampled(TEMPERATURE, MOST, torch.Generator(device).manual_seed(seed))
    sides = zip(*corpus.pairs, strict=True)
    second, first = (
        map(clean, translate(model, corpus.tokenizer, list(texts), to, choose))
        for texts, to in zip(sides, reversed(corpus.languages), strict=True)
    )
    return list(zip(first, second, strict=True))
