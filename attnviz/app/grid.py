"""A trace's attention as the blocks that the head grid draws, on the page and in a notebook."""

from collections.abc import Iterable

from attnviz.analysis.block import blocks
from attnviz.analysis.display import Shown, shown
from attnviz.app.text import Text, text
from attnviz.figures import notebook
from attnviz.figures.payload import GridBlock
from attnviz.trace import Trace


def grid_blocks(text: Text, displays: Iterable[Shown]) -> list[GridBlock]:
    """One block for each display, titled in the reader's language."""
    return [
        GridBlock(
            id=display.block,
            title=text(display.block.replace(".", "-")),
            weights=display.weights,
            rows=display.rows.labels,
            columns=display.columns.labels,
            row_groups=display.rows.groups,
            column_groups=display.columns.groups,
        )
        for display in displays
    ]


def picture(trace: Trace, language: str = "en") -> str | None:
    """The head grid of `trace` as HTML that stands alone; None where there is no attention."""
    words = text(language)
    found = grid_blocks(words, (shown(trace, block) for block in blocks(trace)))
    if not found and "pattern" in trace and trace["pattern"].axes == "H T S":
        found = [_bare(words, trace)]
    said = words.group("grid") | {"hint": words("notebook-hint")}
    return notebook.html(found, said) if found else None


def _bare(text: Text, trace: Trace) -> GridBlock:
    """The pattern of `attend`, where tokens have numbers instead of names."""
    weights_HTS = trace["pattern"].value
    rows, columns = (tuple(map(str, range(n))) for n in weights_HTS.shape[1:])
    return GridBlock("attention", text("attention"), weights_HTS[None], rows, columns)
