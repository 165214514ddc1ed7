"""Other sources for the same targets, made by the model that is being trained.

Back-translation (Sennrich et al. 2016, arXiv:1511.06709) of the training pairs themselves, as in
data diversification (Nguyen et al. 2020, arXiv:1911.01986): each text is translated from its
partner, with chance, and stands in for it as a source. The targets stay what people wrote.
"""

from pathlib import Path

import torch

from attnviz.model.decision import Decision, drawn
from attnviz.model.protocol import Model
from attnviz.tokenizer import Tokenizer, clean
from attnviz.training import workers
from attnviz.training.corpus import Pair, read_pairs
from attnviz.training.quality import translate

COPIES = 2
TEMPERATURE, MOST = 0.8, 8


def write(
    model: Model,
    tokenizer: Tokenizer,
    found: list[Pair],
    languages: tuple[str, str],
    folder: Path,
) -> None:
    """Make COPIES paraphrases of every pair, each worker its share; what a run that was cut off
    left there is kept."""
    files = _files(folder)
    for copy in range(workers.RANK, COPIES, workers.COUNT):
        if not files[copy].is_file():
            pairs = make(model, tokenizer, found, languages, seed=copy)
            part = files[copy].with_suffix(".part")
            part.write_text("".join(f"{a}\t{b}\n" for a, b in pairs), encoding="utf-8")
            part.replace(files[copy])
    workers.wait()


def read(pairs: list[Pair], folder: Path) -> list[list[Pair]]:
    """What `write` left. Raises FileNotFoundError where there is nothing, and ValueError where it
    belongs to other pairs."""
    found = [read_pairs(file) for file in _files(folder)]
    for copy in found:
        if len(copy) != len(pairs):
            raise ValueError(
                f"{folder.name} holds {len(copy)} paraphrases, but there are {len(pairs)}"
                " pairs: remove them, or the whole run"
            )
    return found


def _files(folder: Path) -> list[Path]:
    return [folder / f"paraphrases-{copy}.tsv" for copy in range(COPIES)]


def make(
    model: Model,
    tokenizer: Tokenizer,
    pairs: list[Pair],
    languages: tuple[str, str],
    seed: int,
) -> list[Pair]:
    """For every pair (a, b) a translation of b in the place of a, and one of a in that of b."""
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    choose = drawn(Decision(temperature=TEMPERATURE, top_k=MOST), generator)
    sides = zip(*pairs, strict=True)
    second, first = (
        map(clean, translate(model, tokenizer, list(texts), to, choose))
        for texts, to in zip(sides, reversed(languages), strict=True)
    )
    return list(zip(first, second, strict=True))
