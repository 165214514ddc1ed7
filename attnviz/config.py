"""The sizes and choices that make a model: frozen, small, checked when made."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

Kind = Literal["encoder-decoder", "decoder-only", "encoder-only"]
Norm = Literal["layer", "rms"]
NormPlace = Literal["pre", "post"]
Position = Literal["sinusoidal", "learned", "rope", "none"]
Activation = Literal["relu", "gelu"]
Body = Literal["transformer", "lstm", "gru", "cnn"]


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """One model. Sizes are counts of numbers or tokens; see `attnviz.axes` for letters.

    `body` is what mixes the tokens of a layer before any attention to another side: self-attention,
    a recurrence or a convolution. Where there are `n_slots`, that many learned queries pool the
    encoder's output by attention, and what follows reads their vectors alone. With `labels` the
    model names the text instead of writing tokens. Raises ValueError when sizes do not divide or a
    choice is unknown.
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
    body: Body = "transformer"
    n_slots: int = 0
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in _SIZES:
            size, least = getattr(self, name), int(name not in ("d_mlp", "n_slots"))
            if not isinstance(size, int) or isinstance(size, bool) or size < least:
                raise ValueError(f"{name} must be a whole number of at least {least}, not {size!r}")
        if self.d_model % self.n_heads:
            raise ValueError(f"d_model {self.d_model} is not a multiple of n_heads {self.n_heads}")
        if self.n_heads % self.n_kv_heads:
            raise ValueError(
                f"n_heads {self.n_heads} is not a multiple of n_kv_heads {self.n_kv_heads}"
            )
        if self.position == "sinusoidal" and self.d_model % 2:
            raise ValueError(f"sinusoidal positions need an even d_model, not {self.d_model}")
        if self.position == "rope" and self.d_head % 2:
            raise ValueError(f"rope turns pairs: d_head must be even, not {self.d_head}")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {choices}, not {getattr(self, name)!r}")
        self._check_together()

    def _check_together(self) -> None:
        """Choices that need or exclude each other."""
        if not all(isinstance(label, str) and label for label in self.labels):
            raise ValueError("labels must be a list of names")
        if self.labels and (self.kind != "encoder-only" or self.n_slots != 1):
            raise ValueError("labels need an encoder-only model with n_slots 1")
        if self.n_slots and self.kind == "decoder-only":
            raise ValueError("n_slots pool an encoder's output, and a decoder-only model has none")
        recurrent = self.body in ("lstm", "gru")
        if recurrent and self.d_model % 2:
            raise ValueError(f"a recurrence both ways needs an even d_model, not {self.d_model}")
        if self.body == "cnn" and self.has_decoder:
            raise ValueError("a convolution sees the tokens to come: body 'cnn' is for encoders")

    def check_shown(self) -> None:
        """Raises ValueError for a model whose pictures would be empty or have no tokens."""
        if self.n_slots and not self.labels and self.kind == "encoder-only":
            raise ValueError("n_slots need labels or a decoder: what they pool is read by nobody")
        cross = self.n_slots or self.kind == "encoder-decoder"
        if self.body != "transformer" and not cross:
            raise ValueError(f"a {self.kind} model with body {self.body!r} has no attention at all")

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
        needed = known - {*_CHOICES, "n_slots", "labels"} | {"kind"}
        if missing := sorted(needed - set(values)):
            raise ValueError(f"missing configuration keys: {', '.join(missing)}")
        labels = values.get("labels", ())
        if not isinstance(labels, list | tuple):
            raise ValueError("labels must be a list of names")
        return cls(**{**values, "labels": tuple(labels)})


_SIZES = ["d_vocab", "d_model", "d_mlp", "n_ctx", "n_heads", "n_kv_heads", "n_layers", "n_slots"]
_CHOICES = {
    "kind": get_args(Kind),
    "norm": get_args(Norm),
    "norm_place": get_args(NormPlace),
    "position": get_args(Position),
    "activation": get_args(Activation),
    "body": get_args(Body),
}
