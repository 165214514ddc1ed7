"""The sizes of a foreign model, under the names that our own configuration has."""

from dataclasses import asdict, dataclass
from typing import Any

from attnviz.config import Kind


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """`n_layers` is that of the deepest stack. `d_head` need not be d_model / n_heads.
    `architecture` is what its makers call it ("bert")."""

    kind: Kind
    d_vocab: int
    d_model: int
    n_ctx: int
    n_heads: int
    n_kv_heads: int
    n_layers: int
    d_head: int
    architecture: str = ""

    @property
    def has_encoder(self) -> bool:
        return self.kind != "decoder-only"

    @property
    def has_decoder(self) -> bool:
        return self.kind != "encoder-only"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
