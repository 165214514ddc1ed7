"""What a reader may switch in one attention: scale, mask, softmax and temperature."""

from dataclasses import dataclass

import attnviz
from attnviz.attention.parts import Parts, combine


@dataclass(frozen=True)
class Switches:
    """How `attention` ("decoder.0.self") computes; a switch at its default changes nothing.

    `mask` is "before" softmax, "after" it or "none"; `softmax` is "stable" or "naive"; `tau` > 0 is
    the temperature of the attention. The mask after softmax has a softmax of its own.
    """

    attention: str
    scaling: bool = True
    mask: str = "before"
    softmax: str = "stable"
    tau: float = 1.0

    def parts(self) -> Parts:
        """The parts to put in place of the model's own."""
        known = attnviz.variants()
        return combine(*(known[name].build(**values) for name, values in self.variants.items()))

    @property
    def variants(self) -> dict[str, dict[str, float]]:
        """The variants that the switches stand for, each with its parameters."""
        found: dict[str, dict[str, float]] = {}
        if not self.scaling:
            found["dot"] = {}
        if self.tau != 1:
            found["temperature"] = {"tau": self.tau}
        if self.mask != "before":
            found[{"none": "bidirectional", "after": "late_mask"}[self.mask]] = {}
        if self.softmax == "naive" and self.mask != "after":
            found["naive_softmax"] = {}
        return found
