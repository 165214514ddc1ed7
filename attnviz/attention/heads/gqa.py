"""Grouped queries: several query heads read the same keys and values.

Ainslie et al. 2023, arXiv:2305.13245. Query head h reads group h // (H / groups) (one package reads
h % groups). The groups are made as the paper converts a model that had more: the keys and values of
the heads that become one group are averaged (its section 2.1).
"""

from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.error import InputError
from attnviz.recorder import Recorder, Step

KEYS = Step(
    "keys",
    "N S K",
    r"K_g = \frac{1}{n} \sum_{h \in g} K_h",
    "sum(h, where(h // joined == n, k[h, s, k], 0)) / joined",
    words={
        "en": ("The groups' keys", "The keys of the heads that become one group, averaged."),
        "zh": ("各组的键", "合并为一组的各头的键取平均。"),
    },
)
VALUES = Step(
    "values",
    "N S E",
    r"V_g = \frac{1}{n} \sum_{h \in g} V_h",
    "sum(h, where(h // joined == n, v[h, s, e], 0)) / joined",
    words={
        "en": ("The groups' values", "The values of the heads that become one group, averaged."),
        "zh": ("各组的值", "合并为一组的各头的值取平均。"),
    },
)


def gqa(groups: int) -> Parts:
    """Parts that average G key/value heads to `groups`, which divides G."""

    def share(
        q_BHTK: Tensor, k_BGSK: Tensor, v_BGSE: Tensor, rec: Recorder
    ) -> tuple[Tensor, Tensor, Tensor]:
        n_heads = k_BGSK.shape[1]
        if n_heads % groups:
            message = f"gqa: groups must divide the {n_heads} key/value heads, not be {groups}"
            raise InputError("divide", message, name="groups", heads=n_heads, value=groups)
        joined = n_heads // groups
        k_BNSK, v_BNSE = (x.unflatten(1, (groups, joined)).mean(2) for x in (k_BGSK, v_BGSE))
        k_BNSK = rec.keep(KEYS, k_BNSK, k=k_BGSK, joined=joined)
        return q_BHTK, k_BNSK, rec.keep(VALUES, v_BNSE, v=v_BGSE, joined=joined)

    return Parts(share=share)


VARIANT = Variant(
    name="gqa",
    title={"en": "Grouped queries (GQA)", "zh": "分组查询（GQA）"},
    words={
        "en": "Several query heads share one head of keys and values: the cache shrinks, the "
        "queries stay different.",
        "zh": "几个查询头共用一组键和值：缓存变小，查询仍各不相同。",
    },
    paper="Ainslie et al. 2023, arXiv:2305.13245",
    formula=r"A_h = \mathrm{softmax}(Q_h K_{g(h)}^\top / \sqrt{d}), \quad "
    r"g(h) = \lfloor h \cdot \mathrm{groups} / H \rfloor",
    parts=gqa,
    oracle=Oracle(
        package="torch", call="F.scaled_dot_product_attention(enable_gqa=True)", error=1e-13
    ),
    properties=Properties(mixes_heads=True),
    parameters={
        "groups": Parameter(
            default="G / (2 - minimum(1, G % 2))",
            low=1,
            high="G",
            unit="heads",
            whole=True,
            meaning={"en": "heads of keys and values that are left", "zh": "剩下的键值头数"},
        )
    },
    cost=Cost(width="groups * (K + E)"),
    limits=(
        Limit(given={"groups": "G"}, equals="softmax"),
        Limit(given={"groups": 1}, equals="mqa"),
    ),
)
