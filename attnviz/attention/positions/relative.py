"""What the positions here have in common: how far a key stands from a query, tables with a row for
each place, and scores that the places add to."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from attnviz.attention.parameter import Inputs, Parameter, Value, Weight, evaluate
from attnviz.recorder import Recorder, Step

STRENGTH = Parameter(
    default=1.0,
    low=0.0,
    high=10.0,
    meaning={"en": "factor on what the places add", "zh": "位置部分的倍数"},
)
"""The parameter that turns a position up and, at 0, off."""

PLACED = Step(
    "placed",
    "H T S",
    r"\frac{R_{ts} + \lambda P_{ts}}{\sqrt{d_{\mathrm{head}}}}",
    "(raw[h, t, s] + strength * place_score[h, t, s]) / sqrt(d_head)",
    words={
        "en": ("Content and place together", "Both scores are added, then divided by √d_head."),
        "zh": ("内容与位置相加", "两个分数相加，再除以 √d_head。"),
    },
)


def ahead(raw_BHTS: Tensor) -> Tensor:
    """How many places key s stands after query t, TS; the last query stands at the last key."""
    t, s = raw_BHTS.shape[-2:]
    t_T1 = torch.arange(t, device=raw_BHTS.device)[:, None] + s - t
    return torch.arange(s, device=raw_BHTS.device) - t_T1


def picked(rows_BHTN: Tensor, row_BTS: Tensor) -> Tensor:
    """Of every query's numbers, one for each row of a table, those of the rows asked for, BHTS."""
    row_BHTS = row_BTS[:, None].expand(-1, rows_BHTN.shape[1], -1, -1)
    return rows_BHTN.gather(-1, row_BHTS)


def placed(raw_BHTS: Tensor, place_BHTS: Tensor, strength: float, d: int, rec: Recorder) -> Tensor:
    """The scores of content and of place as one, divided by sqrt(d)."""
    both_BHTS = (raw_BHTS + strength * place_BHTS) * d**-0.5
    return rec.keep(
        PLACED, both_BHTS, raw=raw_BHTS, place_score=place_BHTS, strength=strength, d_head=d
    )


@dataclass(frozen=True, kw_only=True)
class Table(Weight):
    """A weight with an axis "rows", whose size is a rule of sizes and parameters."""

    rows: str

    def make(
        self,
        variant: str,
        name: str,
        given: Value | None,
        inputs: Inputs,
        numbers: Mapping[str, float],
        seed: int,
    ) -> Tensor | None:
        """As a weight, with the number of rows put in."""
        rows = evaluate(self.rows, {**inputs.sizes, **numbers})
        return super().make(variant, name, given, inputs, {**numbers, "rows": rows}, seed)
