"""What a model is, in words: its architecture, its task, its scores."""

from attnviz.app.text import Text
from attnviz.model.protocol import Sizes
from attnviz.pretrained import Summary


def architecture(text: Text, config: Sizes) -> str:
    """The architecture in a few words."""
    body, n_slots = getattr(config, "body", "transformer"), getattr(config, "n_slots", 0)
    said = text(f"architecture-{body}-{config.kind}")
    return text("architecture-pooled", body=said, n=n_slots) if n_slots else said


def score(summary: Summary) -> str:
    """The model's scores in one line."""
    return ", ".join(f"{name}: {value}" for name, value in summary.scores.items())


def size(text: Text, n_parameters: int) -> str:
    """How many parameters, in millions."""
    return text("size", millions=f"{n_parameters / 1e6:.1f}")
