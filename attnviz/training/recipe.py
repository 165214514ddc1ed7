"""What a training run needs to know: sizes, data, schedule. One frozen object, one file a model."""

import runpy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from attnviz.config import ModelConfig


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of the training with its own schedule: linear warm-up, plateau, linear cool-down."""

    steps: int
    warmup: int
    cooldown: int
    learning_rate: float
    dropout: float
    paraphrased: float = 0.0
    """Share of the examples whose source is another one, made by the model itself."""
    copies: Mapping[str, int] = field(default_factory=dict)
    """Word of the first language: how often a pair that has it stands in an epoch."""

    def rate(self, step: int) -> float:
        """Learning rate at `step` of this stage; zero at its end."""
        up, down = (step + 1) / self.warmup, (self.steps - step) / self.cooldown
        return self.learning_rate * max(0.0, min(1.0, up, down))


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
    label_smoothing: float
    batch_tokens: int
    stages: tuple[Stage, ...]
    weight_decay: float
    average: float
    """Decay of the running average of the weights, a step."""
    seed: int = 0

    @property
    def steps(self) -> int:
        return sum(stage.steps for stage in self.stages)

    def stage(self, step: int) -> tuple[Stage, int]:
        """The stage that `step` lies in, and the place in it; at the end, the end of the last."""
        for stage in self.stages[:-1]:
            if step < stage.steps:
                return stage, step
            step -= stage.steps
        return self.stages[-1], step


def read(folder: Path) -> Recipe:
    """The RECIPE of `folder`/recipe.py. Raises FileNotFoundError where there is none."""
    file = folder / "recipe.py"
    if not file.is_file():
        raise FileNotFoundError(f"{folder.name} has no recipe: {file} is missing")
    return runpy.run_path(str(file))["RECIPE"]
