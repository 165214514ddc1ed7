"""Softmax as it stands in the textbook, without the row maximum taken off first: exp overflows.

In float32 exp(89) is infinite, and infinity over infinity is not a number. For scores that do not
overflow it is the softmax. Goodfellow, Bengio, Courville 2016, "Deep Learning", section 4.1.
"""

from torch import Tensor

from attnviz.attention.normalizers.softmax import PATTERN, SUM
from attnviz.attention.parts import Parts
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

EXP = Step("exp", "H T S", r"e_{ts} = \exp(M_{ts})", "exp(masked[h, t, s])")


def naive_softmax(masked_BHTS: Tensor, rec: Recorder) -> Tensor:
    """Pattern BHTS; nan in every row where an exponential overflows."""
    exp_BHTS = rec.keep(EXP, masked_BHTS.exp(), masked=masked_BHTS)
    sum_BHT1 = rec.keep(SUM, exp_BHTS.sum(-1, keepdim=True), exp=exp_BHTS)
    return rec.keep(PATTERN, exp_BHTS / sum_BHT1, exp=exp_BHTS, sum=sum_BHT1)


VARIANT = Variant(
    name="naive_softmax",
    title={"en": "Softmax without the maximum", "zh": "不减最大值的 Softmax"},
    words={
        "en": "Softmax as it stands in the textbook, without taking the largest score off first: "
        "large scores overflow and the row is no number any more.",
        "zh": "教科书写法的 Softmax，不先减去最大分数：分数很大时指数溢出，整行不再是数。",
    },
    paper="Goodfellow, Bengio, Courville 2016, Deep Learning, section 4.1",
    formula=r"A_{ts} = e^{S_{ts}} / \sum_{s'} e^{S_{ts'}}",
    parts=Parts(normalize=naive_softmax),
    oracle=Oracle(package="torch", call="softmax", error=1e-13),
    properties=Properties(stable=False),
)
