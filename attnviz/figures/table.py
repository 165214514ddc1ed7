"""A matrix as text to take away: CSV, a LaTeX tabular, a torch tensor."""

import csv
import io
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "·": r"\textperiodcentered{}",
    "␣": r"\textvisiblespace{}",
    "→": r"$\to$",
    "⟨": r"$\langle$",
    "⟩": r"$\rangle$",
    **{character: "\\" + character for character in "&%$#_{}"},
}


def csv_text(weights_TS: ArrayLike, rows: Sequence[str], columns: Sequence[str]) -> str:
    """Comma-separated: a header of column labels, then a row each, every digit that the number's
    precision has."""
    given_TS = _matrix(weights_TS, rows, columns)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["", *columns])
    writer.writerows([label, *map(_exact, row)] for label, row in zip(rows, given_TS, strict=True))
    return out.getvalue()


def latex_text(weights_TS: ArrayLike, rows: Sequence[str], columns: Sequence[str]) -> str:
    """A tabular with four decimals, for any LaTeX that can set the labels' script."""
    given_TS = _matrix(weights_TS, rows, columns)
    lines = [" & ".join(["", *map(_escaped, columns)]), r"\hline"]
    body = (
        " & ".join([_escaped(label), *map(_rounded, row)])
        for label, row in zip(rows, given_TS.tolist(), strict=True)
    )
    inner = "\n".join([lines[0] + r" \\ \hline", *(line + r" \\" for line in body)])
    return f"\\begin{{tabular}}{{l{'r' * len(columns)}}}\n{inner}\n\\end{{tabular}}\n"


def torch_text(weights_TS: ArrayLike) -> str:
    """Python that evaluates to the same tensor, bit for bit; float32 unless it says otherwise."""
    given_TS = np.asarray(weights_TS)
    rows = ",\n    ".join(f"[{', '.join(map(_python, row))}]" for row in given_TS)
    dtype = "" if given_TS.dtype == np.float32 else f", dtype=torch.{given_TS.dtype}"
    return f"torch.tensor([\n    {rows},\n]{dtype})"


def _matrix(weights_TS: ArrayLike, rows: Sequence[str], columns: Sequence[str]) -> np.ndarray:
    given_TS = np.asarray(weights_TS)
    if given_TS.shape != (len(rows), len(columns)):
        raise ValueError(f"weights {given_TS.shape} with {len(rows)} rows, {len(columns)} columns")
    return given_TS


def _exact(value: np.floating) -> str:
    """The shortest decimal that reads back as the same number."""
    short = str(value)
    return short if type(value)(float(short)) == value else repr(float(value))


def _python(value: np.floating) -> str:
    return _exact(value) if math.isfinite(value) else f'float("{float(value)}")'


def _rounded(value: float) -> str:
    if math.isnan(value):
        return "--"
    return f"{value:.4f}" if math.isfinite(value) else rf"${'-' if value < 0 else ''}\infty$"


def _escaped(label: str) -> str:
    return "".join(_LATEX.get(character, character) for character in label)
