"""Numbers for a component in the browser: a JSON header and exact float32 arrays in one `bytes`.

    u32 little-endian: length of the header | header, UTF-8 JSON | float32 little-endian arrays

The header is padded with spaces so that the arrays start at a multiple of 4: the browser reads them
in place.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor

from attnviz.figures.colour import SEQUENTIAL_DARK, SEQUENTIAL_LIGHT
from attnviz.figures.scale import Scale, coloured

Array = np.ndarray | Tensor
Groups = Sequence[Sequence[int]]


def _names(*lines: str) -> frozenset[str]:
    return frozenset(" ".join(lines).split())


WORDS: Mapping[str, frozenset[str]] = {
    "grid": _names(
        "label blocks scale scale-linear scale-row scale-sqrt bar-linear bar-row bar-sqrt head",
        "place readout rest hint enlarge back nan clipped gaps",
    ),
    "lines": _names("rows columns bar hint skipped clipped gaps nan"),
    "chips": _names("source target probability percent alternatives rank"),
    "tensor": _names("label readout hint nan clipped gaps"),
    "comparison": _names(
        "label reference same bar-weights bar-differences strips readout hint value change nan"
    ),
    "walk": _names("label previous next position"),
}
"""The texts that each component shows. What stands in <angle brackets> in a text, the browser fills
in: <layer> <head> in grid "place", <row> <column> in grid "readout", <count> in "clipped" and
"gaps", <least> <count> <total> in lines "skipped", <p> in chips "probability" and "percent", <rank>
in chips "rank", <title> in tensor "label", <title> <row> <column> <value> in tensor "readout",
<row> <column> in comparison "readout", <weight> <sum> <entropy> in "value", <difference>
<divergence> in "change", <current> <total> in walk "position"."""


@dataclass(frozen=True, eq=False)
class GridBlock:
    """The attention weights LHTS of all layers and heads of one block ("decoder.cross").

    `rows` are the T labels of the queries, `columns` the S labels of the keys. Where a row or a
    column stands for other tokens than the one with its number (words merged, tokens hidden),
    `row_groups` and `column_groups` tell which. Raises ValueError where sizes do not agree.
    """

    id: str
    title: str
    weights: Array
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    row_groups: Groups = ()
    column_groups: Groups = ()

    def __post_init__(self) -> None:
        if self.weights.ndim != 4:
            raise ValueError(f"{self.id}: weights need axes L H T S, not {self.weights.ndim} axes")
        same(f"{self.id}: rows", len(self.rows), self.weights.shape[2])
        same(f"{self.id}: columns", len(self.columns), self.weights.shape[3])
        _same_groups(f"{self.id}: row_groups", self.row_groups, len(self.rows))
        _same_groups(f"{self.id}: column_groups", self.column_groups, len(self.columns))


def pack(header: Mapping[str, Any], arrays: Sequence[Array]) -> bytes:
    """`header` and `arrays` as one payload; adds header["arrays"], a {shape, offset} for each, with
    the offset counted in bytes from the end of the header. float64 is rounded to float32."""
    exact = [float32(array) for array in arrays]
    described, offset = [], 0
    for array in exact:
        described.append({"shape": list(array.shape), "offset": offset})
        offset += array.nbytes
    full = {**header, "arrays": described}
    text = json.dumps(full, ensure_ascii=False, allow_nan=False).encode("utf-8")
    text += b" " * (-len(text) % 4)
    return b"".join([len(text).to_bytes(4, "little"), text, *(a.tobytes() for a in exact)])


def grid(
    blocks: Sequence[GridBlock], selection: Mapping[str, Any] | None, text: Mapping[str, str]
) -> bytes:
    """The payload of the head grid. Raises ValueError without a block."""
    if not blocks:
        raise ValueError("the head grid needs at least one block")
    described = [
        {
            "id": block.id,
            "title": block.title,
            "rows": list(block.rows),
            "columns": list(block.columns),
            "rowGroups": _groups(block.row_groups, len(block.rows)),
            "columnGroups": _groups(block.column_groups, len(block.columns)),
        }
        for block in blocks
    ]
    header = {"blocks": described, "selection": dict(selection) if selection else None}
    return pack(header | _drawing(words("grid", text)), [block.weights for block in blocks])


def lines(
    weights_TS: Array,
    rows: Sequence[str],
    columns: Sequence[str],
    text: Mapping[str, str],
    *,
    row: int | None = None,
    block: str = "",
    row_groups: Groups = (),
    column_groups: Groups = (),
) -> bytes:
    """The payload of the lines view of one head; `row` is emphasised from the start, `block` links
    it with the other pictures. Raises ValueError where sizes do not agree."""
    same("rows", len(rows), weights_TS.shape[0])
    same("columns", len(columns), weights_TS.shape[1])
    header = {
        "block": block,
        "rows": list(rows),
        "columns": list(columns),
        "row": row,
        "rowGroups": _groups(row_groups, len(rows)),
        "columnGroups": _groups(column_groups, len(columns)),
    }
    return pack(header | _drawing(words("lines", text)), [weights_TS])


def walk(
    groups: Sequence[Mapping[str, Any]], current: int, total: int, text: Mapping[str, str]
) -> dict[str, Any]:
    """What the walk shows: `groups` [{title, rows: [{title, stages: [{title, first, n}]}]}].

    Raises ValueError where the stages are not 0..`total` without a gap, or `current` is beyond.
    """
    after = 0
    for stage in (s for group in groups for row in group["rows"] for s in row["stages"]):
        if stage["first"] != after or stage["n"] < 1:
            raise ValueError(
                f"{stage['title']}: {stage['n']} steps from {stage['first']}, not {after}"
            )
        after += stage["n"]
    if after != total:
        raise ValueError(f"the stages end at {after}, the walk at {total}")
    within("current", current, total)
    said = words("walk", text)
    return {"groups": list(groups), "current": current, "total": total, "text": said}


def words(component: str, text: Mapping[str, str]) -> dict[str, str]:
    """The texts of a component. Raises ValueError where one is missing."""
    if missing := sorted(WORDS[component] - text.keys()):
        raise ValueError(f"the {component} lacks the texts {', '.join(missing)}")
    return {name: text[name] for name in sorted(WORDS[component])}


def _drawing(text: dict[str, str]) -> dict[str, Any]:
    """What every picture of weights needs: words, colours, and where a colour bar has its ticks."""
    scales = {}
    for scale in get_args(Scale):
        paint = coloured(np.zeros((1, 1)), scale)
        if scale != "diverging":
            scales[scale] = {"ticks": paint.ticks, "labels": paint.tick_labels}
    colours = {"light": SEQUENTIAL_LIGHT, "dark": SEQUENTIAL_DARK}
    return {"text": text, "colours": colours, "scales": scales}


def float32(array: Array) -> np.ndarray:
    """The array as the browser reads it."""
    if isinstance(array, Tensor):
        array = array.detach().to(device="cpu", dtype=torch.float32).numpy()
    return np.ascontiguousarray(array, dtype="<f4")


def _groups(groups: Groups, n: int) -> list[list[int]]:
    return [[int(i) for i in group] for group in groups] or [[i] for i in range(n)]


def _same_groups(name: str, groups: Groups, size: int) -> None:
    if groups:
        same(name, len(groups), size)


def same(name: str, labels: int, size: int) -> None:
    """Raises ValueError where two sizes differ that must not."""
    if labels != size:
        raise ValueError(f"{name}: {labels} given, {size} needed")


def within(name: str, index: int | None, size: int) -> None:
    """Raises ValueError for an index that is not there; None is none."""
    if index is not None and not 0 <= index < size:
        raise ValueError(f"{name}: {index} is not one of {size}")
