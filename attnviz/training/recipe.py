"""What a training run needs to know: sizes, data, schedule. One frozen object, one file a model."""

import runpy
from dataclasses import dataclass, replace
from pathlib import Path

from attnviz.config import ModelConfig
from attnviz.training.stage import Stage
from attnviz.training.task import Task


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model is trained. Lengths are in tokens, `batch_tokens` counts padded source and
    target together, `alpha` is the smoothness of subword sampling (Kudo 2018, arXiv:1804.10959).
    """

    name: str
    task: Task
    data: str
    """Where the public data come from, for a reader."""
    model: ModelConfig
    character_coverage: float = 0.9999
    folded: bool = False
    """Whether capital letters are read as small ones."""
    alpha: float | None = None
    label_smoothing: float = 0.0
    batch_tokens: int
    stages: tuple[Stage, ...]
    weight_decay: float = 0.01
    average: float = 0.999
    """Decay of the running average of the weights, a step."""
    half: bool = True
    """Whether the weights are kept in 16 bits; they are scored as they are kept."""
    seed: int = 0

    def on(self, data: Path) -> "Recipe":
        """The recipe with the labels that the data have."""
        return replace(self, model=replace(self.model, labels=self.task.labels(data)))

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
