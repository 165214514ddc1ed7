"""Training and scoring a built-in model, as the command line calls them."""

import json
from dataclasses import asdict
from pathlib import Path

import torch

from attnviz import pretrained
from attnviz.pretrained import Measured
from attnviz.training import recipe as recipes
from attnviz.training import workers
from attnviz.training.loop import Run
from attnviz.training.vocabulary import train_tokenizer


def train(folder: Path, data: Path, runs: Path, device: str, threads: int = 1) -> None:
    """Train the model of `folder`/recipe.py on the files in `data`, or go on with a run that was
    cut off; checkpoints and the TensorBoard log stand in `runs`, the finished weights in `folder`.
    """
    torch.set_num_threads(threads)
    recipe = recipes.read(folder).on(data)
    runs.mkdir(parents=True, exist_ok=True)
    vocabulary = runs / pretrained.TOKENIZER
    workers.join()
    if workers.RANK == 0 and not vocabulary.is_file():
        train_tokenizer(recipe.task.texts(data), recipe, vocabulary)
    workers.wait()
    tokenizer = pretrained.Tokenizer(vocabulary)
    train_set, dev_set = (
        recipe.task.corpus(data, part, tokenizer, recipe.model.n_ctx) for part in ("train", "dev")
    )
    model = Run(recipe, train_set, dev_set, runs, device).finish()
    if workers.RANK == 0:
        pretrained.save(folder, model, vocabulary, torch.float16 if recipe.half else torch.float32)
        print(f"saved {folder}")


def evaluate(folder: Path, data: Path, device: str, *, save: bool) -> Measured:
    """What the recipe's task measures of the weights in `folder` on its held-out part, and what
    other methods reach there. With `save` it is written beside the weights."""
    bundle = pretrained.load(folder, device)
    task = recipes.read(folder).task
    found = Measured(task.scores(bundle, data), task.baselines(bundle, data))
    if save:
        told = json.dumps(asdict(found), indent=2)
        (folder / pretrained.SCORES).write_text(f"{told}\n", encoding="utf-8")
    return found
