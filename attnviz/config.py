"""The sizes and choices that make a Transformer: frozen, small, checked when made."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

Kind = Literal["encoder-decoder", "decoder-only", "encoder-only"]
Norm = Literal["layer", "rms"]
NormPlace = Literal["pre", "post"]
Position = Literal["sinusoidal", "learned"]
Activation = Literal["relu", "gelu"]


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """One Transformer. Sizes are counts of numbers or tokens; see `attnviz.axes` for letters.

    Raises ValueError when sizes do not divide or a choice is unknown.
    """

    kind: Kind
    d_vocab: int
    d_model: int
    d_mlp: int
    n_ctx: int
    n_heads: int
    n_kv_heads: int
    n_layers: int
    norm: Norm = "layer"
    norm_place: NormPlace = "pre"
    position: Position = "sinusoidal"
    activation: Activation = "relu"

    def __post_init__(self) -> None:
        for name in ("d_vocab", "d_model", "d_mlp", "n_ctx", "n_heads", "n_kv_heads", "n_layers"):
            size = getattr(self, name)
            if not isinstance(size, int) or isinstance(size, bool) or size < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, not {size!r}")
        if self.d_model % self.n_heads:
            raise ValueError(f"d_model {self.d_model} is not a multiple of n_heads {self.n_heads}")
        if self.n_heads % self.n_kv_heads:
            raise ValueError(
                f"n_heads {self.n_heads} is not a multiple of n_kv_heads {self.n_kv_heads}"
            )
        if self.position == "sinusoidal" and self.d_model % 2:
            raise ValueError(f"sinusoidal positions need an even d_model, not {self.d_model}")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {choices}, not {getattr(self, name)!r}")

    @property
    def d_head(self) -> int:
        """Width of one head, K."""
        return self.d_model // self.n_heads

    @property
    def has_encoder(self) -> bool:
        return self.kind != "decoder-only"

    @property
    def has_decoder(self) -> bool:
        return self.kind != "encoder-only"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ModelConfig":
        """Read a mapping as from JSON. Raises ValueError naming unknown or missing keys."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"unknown configuration keys: {', '.join(unknown)}")
        needed = known - set(_CHOICES) | {"kind"}
        if missing := sorted(needed - set(values)):
            raise ValueError(f"missing configuration keys: {', '.join(missing)}")
        return cls(**values)


_CHOICES = {
    "kind": get_args(Kind),
    "norm": get_args(Norm),
    "norm_place": get_args(NormPlace),
    "position": get_args(Position),
    "activation": get_args(Activation),
}
