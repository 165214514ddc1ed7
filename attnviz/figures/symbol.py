"""How a step or a weight is written in a formula."""

from collections.abc import Mapping, Sequence

SYMBOLS: Mapping[str, str] = {
    "token": "E",
    "position": "P",
    "waves": r"\mathrm{table}",
    "learned": r"\mathrm{table}",
    "raw": "R",
    "scores": "S",
    "masked": "M",
    "allowed": "C",
    "max": "m",
    "exp": "e",
    "sum": r"\Sigma",
    "pattern": "A",
    "unmasked": "A'",
    "mean": r"\mu",
    "variance": r"\sigma^2",
    "mean_square": r"\overline{x^2}",
    "normalised": r"\hat{x}",
    "epsilon": r"\epsilon",
    "temperature": r"\tau",
    "logits": r"\ell",
    "probs": "p",
    "left": r"\Pi",
    "final": r"\hat{p}",
    "chosen": r"\hat{x}",
    "n_sharing": "n",
    "rank": "r",
    "before": "c",
    "top_k": "k",
    "top_p": r"p_{\mathrm{top}}",
}


def cell(name: str, indices: Sequence[str]) -> str:
    r"""The LaTeX of one cell: W_Q[h, d, k] is W^{Q}_{h,d,k}, d_head is d_{\mathrm{head}}."""
    below = f"_{{{','.join(indices)}}}" if indices else ""
    if name in SYMBOLS:
        base = SYMBOLS[name]
        return f"({base}){below}" if "^" in base and below else base + below
    head, *rest = (part if len(part) == 1 else rf"\mathrm{{{part}}}" for part in name.split("_"))
    if not rest:
        return head + below
    return f"{head}^{{{' '.join(rest)}}}{below}" if below else f"{head}_{{{' '.join(rest)}}}"
