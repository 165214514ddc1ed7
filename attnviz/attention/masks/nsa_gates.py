"""The gates of native sparse attention: how much of each branch a query takes.

Yuan et al. 2025, arXiv:2502.11089, section 3.2; see `nsa`. The paper computes them with a small
network from the token; here it is one vector for each head and branch, on the query.
"""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from attnviz.attention.parameter import Parameter, Weight
from attnviz.recorder import Recorder, Step

BRANCHES = {"compressed": ("cmp", "压缩"), "selected": ("slc", "选择"), "window": ("win", "窗口")}
"""The branches, with the sign and the Chinese word of each."""


def _step(branch: str) -> Step:
    sign, chinese = BRANCHES[branch]
    return Step(
        f"{branch}_gate",
        "H T 1",
        rf"g^{{\mathrm{{{sign}}}}}_t = \sigma(w^\top q_t + b)",
        "sigmoid(sum(k, w[h, k] * q[h, t, k]) + bias)",
        kind="weight",
        words={
            "en": (f"Gate of the {branch} branch", "How much of this branch the query takes."),
            "zh": (f"{chinese}分支的门控", "查询在多大程度上采用该分支。"),
        },
    )


STEPS = {branch: _step(branch) for branch in BRANCHES}
BIASES = {
    f"bias_{branch}": Parameter(
        default=0.0,
        low=-40.0,
        high=40.0,
        meaning={
            "en": f"opens (40) or shuts (-40) the gate of the {branch} branch",
            "zh": f"打开（40）或关闭（-40）{chinese}分支的门",
        },
    )
    for branch, (_, chinese) in BRANCHES.items()
}
WEIGHTS = {
    f"w_{branch}": Weight(
        axes="H K",
        meaning={
            "en": f"what opens the gate of the {branch} branch",
            "zh": f"计算{chinese}分支门控的权重向量",
        },
    )
    for branch, (_, chinese) in BRANCHES.items()
} | {
    f"given_{branch}": Weight(
        axes="H C",
        meaning={
            "en": f"the gate of the {branch} branch at each place, 0 to 1",
            "zh": f"{chinese}分支在每个位置的门控，0 到 1",
        },
        needed=False,
    )
    for branch, (_, chinese) in BRANCHES.items()
}


def gates(
    q_BHTK: Tensor, past: int, gating: Mapping[str, float | Tensor | None], rec: Recorder
) -> tuple[Tensor, Tensor, Tensor]:
    """The gates BHT1 of the three branches: those given for the query's place, else computed from
    the query."""
    place_T = (torch.arange(q_BHTK.shape[2], device=q_BHTK.device) + past).clamp_min(0)

    def gate(branch: str) -> Tensor:
        step, given = STEPS[branch], gating[f"given_{branch}"]
        if isinstance(given, Tensor):
            gate_BHT1 = given[..., place_T, None].expand(*q_BHTK.shape[:3], 1)
            step = replace(step, rule="given[h, maximum(t + past, 0)]")
            return rec.keep(step, gate_BHT1, given=given, past=past)
        w, bias = gating[f"w_{branch}"], gating[f"bias_{branch}"]
        assert isinstance(w, Tensor)
        assert isinstance(bias, float | int)
        gate_BHT1 = ((q_BHTK * w[..., None, :]).sum(-1, keepdim=True) + bias).sigmoid()
        return rec.keep(step, gate_BHT1, q=q_BHTK, w=w, bias=bias)

    return gate("compressed"), gate("selected"), gate("window")
