"""What every rotary position shares: pairs of dimensions, how fast each turns, and the turning.

Layout "half" pairs dimension k with k + d/2 (Llama), "interleaved" 2m with 2m + 1 (GPT-J).
Frequencies are laid out as the dimensions are: both of a pair hold the same one. Keys stand at 0 to
S - 1, query t at t + S - T.
"""

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Option, Parameter
from attnviz.attention.parts import shared
from attnviz.error import InputError
from attnviz.recorder import Recorder, Step

PAIR = {"half": "(k % half)", "interleaved": "(k // 2)"}
"""The number of the pair that dimension k is of."""
OTHER = {"half": "(k + half) % d_head", "interleaved": "4 * (k // 2) + 1 - k"}
"""The other dimension of the pair."""
FIRST = {"half": "k < half", "interleaved": "k % 2 == 0"}
FREQUENCY = {
    layout: Step(
        "frequency",
        "K",
        r"\theta_m = b^{-2m/d}",
        f"1 / base ** ({pair} / half)",
        words={
            "en": (
                "How fast each pair turns",
                "Radians for each token; both of a pair turn alike.",
            ),
            "zh": ("每一对的转速", "每前进一个词元转过的弧度；一对中的两个维度相同。"),
        },
    )
    for layout, pair in PAIR.items()
}
Q_ANGLE = Step(
    "q_angle",
    "T K",
    r"\varphi_{t} = (t + S - T)\, \theta",
    "(t + past) * frequency[k]",
    words={
        "en": ("Angles of the queries", "The query's place times the frequency."),
        "zh": ("查询的角度", "查询的位置乘以频率。"),
    },
)
K_ANGLE = Step(
    "k_angle",
    "S K",
    r"\varphi_{s} = s\, \theta",
    "s * frequency[k]",
    words={
        "en": ("Angles of the keys", "The key's place times the frequency."),
        "zh": ("键的角度", "键的位置乘以频率。"),
    },
)
Q_WORDS = {
    "en": ("Queries turned", "Each pair of dimensions is turned by its angle; lengths stay."),
    "zh": ("旋转后的查询", "每一对维度按各自的角度旋转，长度不变。"),
}
K_WORDS = {
    "en": ("Keys turned", "Each pair of dimensions is turned by its angle; lengths stay."),
    "zh": ("旋转后的键", "每一对维度按各自的角度旋转，长度不变。"),
}


def _turned(name: str, axes: str, layout: str) -> Step:
    head, place = "h" if name == "q" else "h // n_sharing", axes[2].lower()
    cell, other = f"{name}[{head}, {place}, k]", f"{name}[{head}, {place}, {OTHER[layout]}]"
    angle = f"{name}_angle[{place}, k]"
    rule = f"{cell} * cos({angle}) + where({FIRST[layout]}, -1, 1) * {other} * sin({angle})"
    formula = rf"R_{place}\, {name}_{place}"
    return Step(f"{name}_rotated", axes, formula, rule, words=Q_WORDS if name == "q" else K_WORDS)


Q_ROTATED = {layout: _turned("q", "H T K", layout) for layout in PAIR}
K_ROTATED = {layout: _turned("k", "H S K", layout) for layout in PAIR}


def pairs(q_BHTK: Tensor, layout: str) -> tuple[Tensor, int]:
    """The number of the pair of every dimension, K, and how many pairs there are. Raises InputError
    where the width is odd."""
    width = q_BHTK.shape[-1]
    if width % 2:
        message = f"dimensions are turned in pairs: the width of a head must be even, not {width}"
        raise InputError("even", message, name="d_head", value=width)
    exact = torch.promote_types(q_BHTK.dtype, torch.float32)
    k_K = torch.arange(width, device=q_BHTK.device)
    pair_K = k_K % (width // 2) if layout == "half" else k_K // 2
    return pair_K.to(exact), width // 2


def frequencies(q_BHTK: Tensor, base: float, layout: str, rec: Recorder) -> Tensor:
    """Radians for each token BK, of every dimension."""
    pair_K, half = pairs(q_BHTK, layout)
    frequency_BK = (base ** (-pair_K / half)).expand(len(q_BHTK), -1)
    return rec.keep(FREQUENCY[layout], frequency_BK, base=base, half=half)


def rotate(
    q_BHTK: Tensor, k_BGSK: Tensor, frequency_BK: Tensor, layout: str, rec: Recorder
) -> tuple[Tensor, Tensor]:
    """q and k with every pair turned by its place times its frequency; k for every query head."""
    t, s, width = q_BHTK.shape[2], k_BGSK.shape[2], q_BHTK.shape[3]
    place_S1 = torch.arange(s, device=q_BHTK.device)[:, None]
    place_T1 = torch.arange(s - t, s, device=q_BHTK.device)[:, None]
    q_angle_BTK, k_angle_BSK = (p * frequency_BK[:, None] for p in (place_T1, place_S1))
    q_angle_BTK = rec.keep(Q_ANGLE, q_angle_BTK, frequency=frequency_BK, past=s - t)
    k_angle_BSK = rec.keep(K_ANGLE, k_angle_BSK, frequency=frequency_BK)
    q_facts = {"half": width // 2, "d_head": width, "q_angle": q_angle_BTK}
    n_sharing = q_BHTK.shape[1] // k_BGSK.shape[1]
    k_facts = {"half": width // 2, "d_head": width, "k_angle": k_angle_BSK, "n_sharing": n_sharing}
    turned_BHTK = turned(q_BHTK, q_angle_BTK, layout)
    turned_BHSK = shared(turned(k_BGSK, k_angle_BSK, layout), q_BHTK)
    return (
        rec.keep(Q_ROTATED[layout], turned_BHTK, None, q=q_BHTK, **q_facts),
        rec.keep(K_ROTATED[layout], turned_BHSK, None, k=k_BGSK, **k_facts),
    )


def turned(x_BHTK: Tensor, angle_BTK: Tensor, layout: str) -> Tensor:
    """Every pair of dimensions of x turned by its angle."""
    half = x_BHTK.shape[-1] // 2
    if layout == "half":
        first, second = x_BHTK.split(half, -1)
        other_BHTK = torch.cat([-second, first], -1)
    else:
        first, second = x_BHTK.unflatten(-1, (half, 2)).unbind(-1)
        other_BHTK = torch.stack([-second, first], -1).flatten(-2)
    cos_B1TK, sin_B1TK = (f(angle_BTK)[:, None].to(x_BHTK.dtype) for f in (torch.cos, torch.sin))
    return x_BHTK * cos_B1TK + other_BHTK * sin_B1TK


TURNING = {
    "layout": Option(
        options=("half", "interleaved"),
        meaning={
            "en": "which dimensions are a pair: half the width apart (Llama) or neighbours (GPT-J)",
            "zh": "哪两个维度成对：相隔半个宽度（Llama）或相邻（GPT-J）",
        },
    ),
    "base": Parameter(
        default=10_000.0,
        low=2.0,
        high=10_000_000.0,
        log=True,
        meaning={"en": "the larger, the slower the slow pairs", "zh": "越大，慢的维度对转得越慢"},
    ),
}
COST = Cost(extra="3 * K * (H * T + G * S)")
