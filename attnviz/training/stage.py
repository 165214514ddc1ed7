"""A part of the training with its own schedule."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Linear warm-up, plateau, linear cool-down; counted in steps."""

    steps: int
    warmup: int
    cooldown: int
    learning_rate: float
    dropout: float
    paraphrased: float = 0.0
    """Share of the examples whose source is another one, made by a model (translation only)."""
    copies: Mapping[str, int] = field(default_factory=dict)
    """Word of the first language: how often a pair that has it stands in an epoch."""

    def rate(self, step: int) -> float:
        """Learning rate at `step` of this stage; zero at its end."""
        up, down = (step + 1) / self.warmup, (self.steps - step) / self.cooldown
        return self.learning_rate * max(0.0, min(1.0, up, down))
