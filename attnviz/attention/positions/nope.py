"""NoPE: no positions at all.

Kazemnejad et al. 2023, arXiv:2305.19466. Nothing is changed: without a mask, shuffling the tokens
shuffles the weights and does nothing else; with a causal mask the order still shows, in how many
keys each query sees.
"""

from attnviz.attention.parts import Parts
from attnviz.attention.variant import Limit, Oracle, Variant

VARIANT = Variant(
    name="nope",
    title={"en": "No positions (NoPE)", "zh": "无位置编码（NoPE）"},
    words={
        "en": "Attention is told nothing about where a token stands: without a mask a sentence is "
        "a bag of words to it.",
        "zh": "不告诉注意力词元的位置：没有掩码时，句子对它来说只是一袋词。",
    },
    paper="Kazemnejad et al. 2023, arXiv:2305.19466",
    formula=r"S = \frac{Q K^\top}{\sqrt{d_{\mathrm{head}}}}",
    parts=Parts(),
    oracle=Oracle(package="torch", call="F.scaled_dot_product_attention", error=1e-14),
    limits=(Limit(given={}, equals="softmax"),),
)
