"""The letters that name every dimension, and the check that a value fits them.

One vocabulary for code, trace and screen: a Step says its axes as letters ("H T S"), and the
caption, the table header and the shape check all read the same letters.
"""

from collections.abc import MutableMapping, Sequence
from types import MappingProxyType

MEANING = MappingProxyType(
    {
        "B": "batch",
        "T": "target tokens (queries, rows)",
        "S": "source tokens (keys, columns)",
        "H": "query heads",
        "G": "key/value heads",
        "D": "model width d_model",
        "K": "head width d_head",
        "E": "value width",
        "F": "MLP width d_mlp",
        "V": "vocabulary",
        "C": "positions that the model knows",
        "L": "layers",
        "A": "hidden units of a score or a gate",
        "N": "groups, blocks or rows of a table",
        "R": "features, landmarks, compressed blocks or ranks",
        "1": "one number for each row",
    }
)

LOCAL = frozenset("GANR")
"""Letters whose size each part of a path chooses for itself: a step has its own."""


def fit(shape: Sequence[int], axes: str, sizes: MutableMapping[str, int], name: str) -> None:
    """Check that `shape` has the `axes` ("H T S"), and that a letter means one size everywhere, a
    LOCAL one within the step.

    `sizes` holds the size of each letter met so far and is filled in. Raises ValueError with both
    numbers when the count of axes or a size differs.
    """
    letters = axes.split()
    if len(shape) != len(letters):
        raise ValueError(f"{name} has {len(shape)} axes {tuple(shape)}, declared {axes!r}")
    sizes["1"] = 1
    own: MutableMapping[str, int] = {}
    for letter, size in zip(letters, shape, strict=True):
        known = own if letter in LOCAL else sizes
        if known.setdefault(letter, size) != size:
            raise ValueError(f"{name}: axis {letter} has size {size}, expected {known[letter]}")
