"""What a training run needs to know: sizes, data, schedule. One frozen object, one file a model."""

import runpy
from dataclasses import dataclass
from pathlib import Path

from attnviz.config import ModelConfig


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A translation model's recipe. Lengths are in tokens, `batch_tokens` counts padded source and
    target together, `alpha` is the smoothness of subword sampling (Kudo 2018, arXiv:1804.10959).
    """

    name: str
    languages: tuple[str, str]
    data: str
    """Where the public data come from, for a reader."""
    model: ModelConfig
    character_coverage: float
    alpha: float
    dropout: float
    label_smoothing: float
    batch_tokens: int
    steps: int
    warmup: int
    cooldown: int
    learning_rate: float
    weight_decay: float
    average: float
    """Decay of the running average of the weights, a step."""
    seed: int = 0


def read(folder: Path) -> Recipe:
    """The RECIPE of `folder`/recipe.py. Raises FileNotFoundError where there is none."""
    file = folder / "recipe.py"
    if not file.is_file():
        raise FileNotFoundError(f"{folder.name} has no recipe: {file} is missing")
    return runpy.run_path(str(file))["RECIPE"]
