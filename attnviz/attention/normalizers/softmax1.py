"""Softmax off by one: 1 is added to the sum, so that a head may attend to nothing.

Miller 2023, "Attention Is Off By One" (evanmiller.org). The same as one more key that scores 0 and
has no value, that is the learned sink with all scores at 0. Rows sum to sigmoid(logsumexp(M)),
below 1 on paper; rounding may bring them to exactly 1.
"""

from attnviz.attention.normalizers.sink_logit import sink_logit
from attnviz.attention.variant import Limit, Oracle, Properties, Variant

VARIANT = Variant(
    name="softmax1",
    title={"en": "Softmax off by one", "zh": "分母加一的 Softmax"},
    words={
        "en": "1 is added to the sum of the exponentials: where no score is large, the weights of "
        "a row come to less than 1, and a head can stay silent.",
        "zh": "指数之和再加 1：没有大分数时，一行权重之和小于 1，注意力头可以保持沉默。",
    },
    paper="Miller 2023, Attention Is Off By One",
    formula=r"A_{ts} = \frac{e^{M_{ts}}}{1 + \sum_{s'} e^{M_{ts'}}}",
    parts=sink_logit(0.0),
    oracle=Oracle(package="x-transformers", call="Attend(add_zero_kv=True)", error=1e-14),
    properties=Properties(row_sum="at most one"),
    limits=(Limit(given={}, equals="sink_logit", of={"sink": 0.0}),),
)
