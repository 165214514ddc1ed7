"""What the Steps page walks through: a trace, the code that makes it, what its ids stand for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from attnviz.analysis.label import label
from attnviz.app.program import run_lines
from attnviz.app.session import View
from attnviz.trace import Trace


@dataclass(frozen=True)
class Scene:
    """`lines` of Python that make `trace`; `piece` names an entry of the vocabulary, `answers` are
    the labels of a classifier."""

    trace: Trace
    lines: tuple[str, ...]
    piece: Callable[[int], str]
    answers: Sequence[str] = ()

    def name(self, path: str, number: int) -> str:
        """What `number` is called in the step at `path`: an answer at the top, else a token."""
        at_top = "." not in path
        return self.answers[number] if self.answers and at_top else self.piece(number)


def of_sentence(view: View) -> Scene:
    """The computation of a model for a sentence."""
    tokenizer = view.bundle.tokenizer
    lines = tuple(run_lines(view.request))
    return Scene(
        view.trace, lines, lambda i: label(tokenizer.piece(i)), view.trace.facts.get("labels", ())
    )
