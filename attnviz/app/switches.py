"""What a reader may switch in one attention: scale, mask, softmax and temperature."""

from dataclasses import dataclass

import attnviz
from attnviz.attention.variant import Parts, combine


@dataclass(frozen=True)
class Switches:
    """How `attention` ("decoder.0.self") computes; a switch at its default changes nothing.

    `mask` is "before" softmax, "after" it or "none"; `softmax` is "stable" or "naive"; `tau` > 0 is
    the temperature of the attention.
    """

    attention: str
    scaling: bool = True
    mask: str = "before"
    softmax: str = "stable"
    tau: float = 1.0

    def parts(self) -> Parts:
        """The parts to put in place of the model's own."""
        known = attnviz.variants()
        return combine(*(known[name].build(**self.values(name)) for name in self.variants))

    def values(self, variant: str) -> dict[str, float]:
        """The parameters of one of the `variants`."""
        return {"tau": self.tau} if variant == "temperature" else {}

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants that the switches stand for; the mask after softmax has its own softmax."""
        wanted = {
            "dot": not self.scaling,
            "temperature": self.tau != 1,
            "bidirectional": self.mask == "none",
            "late_mask": self.mask == "after",
            "naive_softmax": self.softmax == "naive" and self.mask != "after",
        }
        return tuple(name for name, is_on in wanted.items() if is_on)
