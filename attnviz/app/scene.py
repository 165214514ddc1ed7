"""What the Steps page walks through: a trace, the code that makes it, what its ids stand for."""

from collections.abc import Callable
from dataclasses import dataclass

from attnviz.analysis.label import label
from attnviz.app.program import run_lines
from attnviz.app.session import View
from attnviz.trace import Trace


@dataclass(frozen=True)
class Scene:
    """`lines` of Python that make `trace`; `piece` names an entry of the vocabulary."""

    trace: Trace
    lines: tuple[str, ...]
    piece: Callable[[int], str]


def of_sentence(view: View) -> Scene:
    """The computation of a model for a sentence."""
    tokenizer = view.bundle.tokenizer
    lines = tuple(run_lines(view.request))
    return Scene(view.trace, lines, lambda i: label(tokenizer.piece(i)))
