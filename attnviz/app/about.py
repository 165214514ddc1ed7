"""What a model is, in words: its architecture, its task, its scores."""

from collections.abc import Iterator, Mapping

from attnviz.app.text import Text
from attnviz.figures.number import shortest
from attnviz.model.protocol import Sizes
from attnviz.pretrained import Measured


def architecture(text: Text, config: Sizes) -> str:
    """The architecture in a few words."""
    body, n_slots = getattr(config, "body", "transformer"), getattr(config, "n_slots", 0)
    said = text(f"architecture-{body}-{config.kind}")
    return text("architecture-pooled", body=said, n=n_slots) if n_slots else said


def scores(text: Text, found: Mapping[str, float]) -> dict[str, str]:
    """Measures and their values in words."""
    return {text(f"score-{measure}"): shortest(value) for measure, value in found.items()}


def lines(text: Text, measured: Measured) -> Iterator[str]:
    """The model's scores in one line, and a line for each other method."""
    if measured.scores:
        yield _line(text, measured.scores)
    for method, found in measured.baselines.items():
        yield f"({text(f'baseline-{method}')}) {_line(text, found)}"


def _line(text: Text, found: Mapping[str, float]) -> str:
    said = scores(text, found).items()
    return text("between").join(text("scored", measure=name, value=value) for name, value in said)


def size(text: Text, n_parameters: int) -> str:
    """How many parameters, in millions."""
    return text("size", millions=millions(n_parameters))


def millions(n_parameters: int) -> str:
    """The same without words."""
    return f"{n_parameters / 1e6:.1f}"
