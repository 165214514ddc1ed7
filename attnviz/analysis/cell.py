"""One cell of one head, opened up: from query and key to the weight, read from the trace."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from attnviz.analysis.block import path
from attnviz.trace import Trace


@dataclass(frozen=True, eq=False)
class Cell:
    """Every number between a query row and a key column. Vectors are the trace's own dtype.

    `difference` is the sum of `products_K` less `raw`: rounding, or an edit on the way. `score` is
    `scaled` with the bias, `masked` is -inf where not `allowed`; `row_max` and `row_sum` are the
    softmax's. `v_E` is the value vector that the weight multiplies.
    """

    q_K: Tensor
    k_K: Tensor
    products_K: Tensor
    raw: float
    difference: float
    d_head: int
    scaled: float
    score: float
    allowed: bool
    masked: float
    row_max: float
    exp: float
    row_sum: float
    weight: float
    v_E: Tensor

    @property
    def numbers(self) -> dict[str, Any]:
        """The numbers that a formula of the weight needs, by name; q and k are lists of floats."""
        plain = {name: getattr(self, name) for name in _NUMBERS}
        return {"q": self.q_K.tolist(), "k": self.k_K.tolist(), **plain}


_NUMBERS = (
    *("raw", "d_head", "scaled", "score", "allowed", "masked"),
    *("row_max", "exp", "row_sum", "weight"),
)


def cell(trace: Trace, block: str, layer: int, head: int, row: int, column: int) -> Cell:
    """The cell (row, column) of a head. Raises KeyError where the trace lacks a step of scaled
    dot-product attention, IndexError for a cell outside."""

    def value(step: str) -> Tensor:
        return trace[path(block, layer, step)].value[head]

    def grouped(at: str) -> Tensor:
        value_GSK = trace[at].value
        n_heads = trace[path(block, layer, "pattern")].value.shape[0]
        return value_GSK[head // (n_heads // value_GSK.shape[0]), column]

    at = (row, column)
    # the operands with positions in them, where there are any
    operands = trace[path(block, layer, "raw")].inputs
    q_K, k_K = trace[str(operands["q"])].value[head, row], grouped(str(operands["k"]))
    products_K = q_K * k_K
    raw, masked = float(value("raw")[at]), float(value("masked")[at])
    return Cell(
        q_K=q_K,
        k_K=k_K,
        products_K=products_K,
        raw=raw,
        difference=float(products_K.double().sum()) - raw,
        d_head=q_K.shape[0],
        scaled=float(value("scaled")[at]),
        score=float(value("scores")[at]),
        allowed=masked > float("-inf"),
        masked=masked,
        row_max=float(value("max")[row, 0]),
        exp=float(value("exp")[at]),
        row_sum=float(value("sum")[row, 0]),
        weight=float(value("pattern")[at]),
        v_E=grouped(path(block, layer, "v")),
    )
