"""Training and scoring a built-in translation model, as the command line calls them."""

from pathlib import Path

import torch

from attnviz import pretrained
from attnviz.training import corpus, quality, workers
from attnviz.training import recipe as recipes
from attnviz.training.loop import Run
from attnviz.training.vocabulary import train_tokenizer


def train(folder: Path, data: Path, runs: Path, device: str, threads: int = 1) -> None:
    """Train the model of `folder`/recipe.py on `data`/train.tsv and dev.tsv, or go on with a run
    that was cut off; checkpoints and the TensorBoard log stand in `runs`, the finished weights
    in `folder`."""
    torch.set_num_threads(threads)
    recipe = recipes.read(folder)
    pairs = {name: corpus.read_pairs(data / f"{name}.tsv") for name in ("train", "dev")}
    runs.mkdir(parents=True, exist_ok=True)
    vocabulary = runs / pretrained.TOKENIZER
    workers.join()
    if workers.RANK == 0 and not vocabulary.is_file():
        train_tokenizer(pairs["train"], recipe, vocabulary)
    workers.wait()
    tokenizer = pretrained.Tokenizer(vocabulary)
    train_set, dev_set = (
        corpus.Corpus(pairs[name], recipe.languages, tokenizer, recipe.model.n_ctx)
        for name in ("train", "dev")
    )
    model = Run(recipe, train_set, dev_set, tokenizer.pad, runs, device).finish()
    if workers.RANK == 0:
        pretrained.save(folder, model, vocabulary)
        print(f"saved {folder}")


def evaluate(folder: Path, data: Path, device: str) -> dict[str, str]:
    """sacreBLEU of the weights in `folder` on `data`/dev.tsv, greedy, by target language."""
    bundle = pretrained.load(folder, device)
    pairs = corpus.read_pairs(data / "dev.tsv")
    languages = recipes.read(folder).languages
    scores = quality.both_ways(bundle.model, bundle.tokenizer, pairs, languages)
    return {language: str(score) for language, score in scores.items()}
