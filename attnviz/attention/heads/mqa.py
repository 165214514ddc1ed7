"""Multi-query attention: all query heads read one head of keys and values.

Shazeer 2019, arXiv:1911.02150. It is `gqa` with one group: where more heads of keys and values are
given, they are averaged to one, as Ainslie et al. 2023 (arXiv:2305.13245) convert a model.
"""

from attnviz.attention.cost import Cost
from attnviz.attention.heads.gqa import gqa
from attnviz.attention.variant import Limit, Oracle, Properties, Variant

VARIANT = Variant(
    name="mqa",
    title={"en": "Multi-query (MQA)", "zh": "多查询（MQA）"},
    words={
        "en": "All heads share one head of keys and values: the cache is as small as it can be "
        "without compression, and only the queries differ.",
        "zh": "所有头共用一组键和值：不压缩时缓存最小，各头只有查询不同。",
    },
    paper="Shazeer 2019, arXiv:1911.02150",
    formula=r"A_h = \mathrm{softmax}(Q_h K^\top / \sqrt{d})",
    parts=gqa(1),
    oracle=Oracle(package="keras", call="layers.GroupQueryAttention", error=1e-6),
    properties=Properties(mixes_heads=True),
    cost=Cost(width="K + E"),
    limits=(Limit(given={}, equals="gqa", of={"groups": 1}),),
)
