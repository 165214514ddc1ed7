"""A configuration is small, frozen and checked when it is made."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields

import pytest

from attnviz.config import ModelConfig

Make = Callable[..., ModelConfig]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"d_model": 13}, "d_model 13 is not a multiple of n_heads 3"),
        ({"n_kv_heads": 2}, "n_heads 3 is not a multiple of n_kv_heads 2"),
        ({"n_heads": "3"}, "n_heads must be a whole number of at least 1, not '3'"),
        ({"n_ctx": 0}, "n_ctx must be a whole number of at least 1, not 0"),
        ({"n_layers": 2.0}, r"n_layers must be a whole number of at least 1, not 2\.0"),
        ({"d_mlp": True}, "d_mlp must be a whole number of at least 1, not True"),
        ({"d_model": 9}, "sinusoidal positions need an even d_model, not 9"),
        ({"norm": "batch"}, "norm must be one of .*'rms'.*, not 'batch'"),
        ({"kind": ["encoder-only"]}, "kind must be one of .*encoder-decoder"),
    ],
)
def test_sizes_and_choices_that_make_no_model_are_refused(
    make_config: Make, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_config(**changes)


def test_a_configuration_reads_back_what_it_writes(make_config: Make) -> None:
    config = make_config(norm="rms", n_kv_heads=1)
    assert ModelConfig.from_dict(config.to_dict()) == config


def test_a_configuration_cannot_be_changed(make_config: Make) -> None:
    with pytest.raises(FrozenInstanceError):
        make_config().n_heads = 4  # type: ignore[misc]


def test_a_configuration_has_at_most_twelve_fields() -> None:
    assert len(fields(ModelConfig)) <= 12


def test_the_head_width_follows_from_two_other_sizes(make_config: Make) -> None:
    assert make_config(d_model=24, n_heads=3).d_head == 8
