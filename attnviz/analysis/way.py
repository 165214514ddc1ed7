"""The way through a trace: which steps belong together, and what their indices stand for."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from attnviz.analysis.block import BLOCKS, memory, own
from attnviz.analysis.derivation import sizes
from attnviz.analysis.label import labels, row_labels
from attnviz.trace import Trace


@dataclass(frozen=True)
class Stage:
    """`n` steps from `first` on: of one sublayer ("encoder", "0", "self"), of an embedding
    ("encoder", "embed", "") or of what stands alone ("", "", "")."""

    group: str
    row: str
    name: str
    first: int
    n: int


def stages(trace: Trace) -> tuple[Stage, ...]:
    """The stages in the order of computation. The residual stream before a layer's first sublayer
    belongs to that sublayer, after a sublayer to the sublayer."""
    keys: list[tuple[str, str, str | None]] = []
    for path in trace:
        group, row, name = (*path.split(".")[:-1], "", "", "")[:3]
        inside = name or (None if row.isdigit() else "")
        if inside is None and keys and keys[-1][:2] == (group, row):
            inside = keys[-1][2]
        keys.append((group, row, inside))
    for i in reversed(range(len(keys) - 1)):
        if keys[i][2] is None:
            keys[i] = (*keys[i][:2], keys[i + 1][2])
    found, first = [], 0
    for (group, row, name), run in groupby(keys):
        n = len(list(run))
        found.append(Stage(group, row, name or "", first, n))
        first += n
    return tuple(found)


def scope(path: str) -> str:
    """The last word of where a step is, "" at the top: "encoder.0.self.q" is in "self"."""
    names = [name for name in path.split(".")[:-1] if not name.isdigit()]
    return names[-1] if names else ""


def attention(path: str) -> str | None:
    """The attention that a step belongs to ("decoder.0.cross"); None where it is part of none."""
    stack, _, rest = path.partition(".")
    layer, _, rest = rest.partition(".")
    name = rest.partition(".")[0]
    return f"{stack}.{layer}.{name}" if f"{stack}.{name}" in BLOCKS else None


def places(trace: Trace, path: str) -> Mapping[str, tuple[str, ...]]:
    """What each value of an index stands for, where it stands for a token: letter to labels. At the
    top a row is what it reads and what it writes."""
    stack = path.partition(".")[0] if "." in path else _last_stack(trace)
    tokens = own(trace, stack)
    itself = stack in ("encoder", "decoder") and scope(path) != "cross"
    keys = tokens if itself else memory(trace, stack)
    found: dict[str, tuple[str, ...]] = {}
    if tokens is not None:
        found["t"] = labels(tokens)
    if keys is not None:
        found["s"] = labels(keys)
    if not scope(path) and trace.target is not None:
        found["t"] = row_labels(trace, "decoder.self")
    return found


def _last_stack(trace: Trace) -> str:
    """Whose tokens the logits belong to."""
    return "decoder" if trace.target else "pool" if trace.slots else "encoder"


def cell(trace: Trace, path: str, wanted: Mapping[str, int]) -> dict[str, int]:
    """`wanted` brought into the range of the step's indices; one that is not wanted is 0. The group
    of a key/value head is that of the wanted head `h`."""
    found = {}
    for letter, size in sizes(trace[path]).items():
        place = wanted.get(letter, 0)
        if letter == "g":
            place = wanted.get("h", 0) * size // max(size, head_count(trace, path))
        found[letter] = max(0, min(place, size - 1))
    return found


def head_count(trace: Trace, path: str) -> int:
    """How many query heads the attention of a step has; 1 where it belongs to none."""
    pattern = trace.steps.get(f"{path.rpartition('.')[0]}.pattern")
    return pattern.value.shape[0] if pattern else 1
