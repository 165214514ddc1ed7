"""Parts fill the path once each: sets of names say what goes together."""

from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from attnviz.attention.core import STANDARD, attend
from attnviz.attention.parts import INSIDE, NAMES, Parts, combine, over, shared
from attnviz.error import InputError
from attnviz.recorder import Recorder

ORDER = ("share", "place", "score", "bias", "allow", "normalize", "mix", "whole")
B, H, G, T, S, K, E = 2, 6, 3, 4, 5, 7, 8
names = st.sets(st.sampled_from(ORDER), max_size=3)


def part(name: str) -> Callable[..., Any]:
    """Something to fill a part with, which says whose it is."""

    def filling(*_: Any) -> None:
        raise AssertionError(f"{name} is not called")

    return filling


def parts(filled: Sequence[str] | set[str], weights: Sequence[str] = ()) -> Parts:
    made = {name: part(name) for name in filled}
    return Parts(**made, weights={name: torch.zeros(1) for name in weights})


def refused(*many: Parts) -> InputError:
    with pytest.raises(InputError) as caught:
        combine(*many)
    assert caught.value.code == "clash"
    return caught.value


def test_the_parts_are_named_in_the_order_of_the_path() -> None:
    assert NAMES == ORDER
    assert parts(reversed(ORDER)).filled == ORDER  # type: ignore[arg-type]
    assert Parts().filled == ()
    assert STANDARD.filled == ("score", "normalize")


def test_weights_are_no_part() -> None:
    assert parts((), ["W"]).filled == ()


@given(st.lists(names, max_size=4))
def test_parts_go_together_where_none_is_filled_twice_and_no_whole_path_covers_one(
    many: list[set[str]],
) -> None:
    all_of_them = [parts(filled) for filled in many]
    union = set().union(*many)
    twice = sum(map(len, many)) > len(union)
    covered = "whole" in union and bool(union & {"score", "bias", "normalize", "mix"})
    if twice or covered:
        error = refused(*all_of_them)
        assert error.facts["part"] in union
        return
    found = combine(*all_of_them)
    assert set(found.filled) == union
    for made in all_of_them:
        assert all(getattr(found, name) is getattr(made, name) for name in made.filled)


@pytest.mark.parametrize("name", ORDER)
def test_a_part_that_is_filled_twice_is_named(name: str) -> None:
    error = refused(parts([name]), parts([name]))
    assert error.facts == {"part": name}
    assert str(error) == f"both variants fill the part {name!r}"


@pytest.mark.parametrize("name", sorted(INSIDE))
def test_a_whole_path_leaves_no_room_for_what_it_does_itself(name: str) -> None:
    for order in permutations([parts(["whole"]), parts([name])]):
        error = refused(*order)
        assert error.facts == {"part": name}
        assert str(error) == f"a path of its own leaves no room for the part {name!r}"


@pytest.mark.parametrize("name", sorted({*ORDER} - INSIDE - {"whole"}))
def test_a_whole_path_leaves_room_for_heads_positions_and_masks(name: str) -> None:
    assert set(combine(parts(["whole"]), parts([name])).filled) == {"whole", name}


def test_nothing_combined_is_the_path_straight_on() -> None:
    assert combine() == Parts()
    assert combine(Parts(), Parts()) == Parts()


def test_combined_parts_bring_all_their_weights() -> None:
    one, two = parts(["score"], ["W_Q", "W_K"]), parts(["mix"], ["W_G"])
    found = combine(one, two).weights
    assert found.keys() == {"W_Q", "W_K", "W_G"}
    assert found["W_G"] is two.weights["W_G"]


@given(names, names)
def test_changes_take_the_place_of_what_they_fill_and_of_nothing_else(
    own: set[str], new: set[str]
) -> None:
    base, changes = parts(own, ["W", "b"]), parts(new, ["b", "c"])
    found = over(base, changes)
    assert set(found.filled) == own | new
    for name in own | new:
        assert getattr(found, name) is getattr(changes if name in new else base, name)
    assert found.weights.keys() == {"W", "b", "c"}
    assert found.weights["b"] is changes.weights["b"]
    assert base.filled == parts(own).filled


@pytest.mark.parametrize(("h", "g"), [(6, 3), (6, 1), (4, 2), (5, 5)])
def test_head_h_reads_the_keys_of_its_group(h: int, g: int) -> None:
    k, q = torch.randn(B, g, S, K), torch.zeros(B, h, T, K)
    found = shared(k, q)
    for head in range(h):
        assert torch.equal(found[:, head], k[:, head // (h // g)])
    assert (found is k) == (h == g)


def test_the_path_goes_through_the_parts_in_their_order() -> None:
    seen: list[str] = []

    def watch(name: str, give: Callable[..., Any]) -> Callable[..., Any]:
        def filling(*given_: Any) -> Any:
            seen.append(name)
            return give(*given_)

        return filling

    def mix(pattern: Tensor, v: Tensor, q: Tensor, rec: Recorder) -> Tensor:
        assert q.shape == (B, H, T, K)
        return pattern @ shared(v, q)

    assert STANDARD.score
    assert STANDARD.normalize
    full = Parts(
        share=watch("share", lambda q, k, v, rec: (q, k, v)),
        place=watch("place", lambda q, k, rec: (q, k)),
        score=watch("score", STANDARD.score),
        bias=watch("bias", lambda scores, q, k, rec: scores),
        allow=watch("allow", lambda scores, rec: None),
        normalize=watch("normalize", STANDARD.normalize),
        mix=watch("mix", mix),
    )
    make = torch.Generator().manual_seed(0)
    shapes = ((B, H, T, K), (B, G, S, K), (B, G, S, E))
    q, k, v = (torch.randn(*x, dtype=torch.float64, generator=make) for x in shapes)
    found = attend(q, k, v, parts=full)
    assert seen == list(ORDER[:-1])
    torch.testing.assert_close(found, attend(q, k, v), atol=1e-14, rtol=0)


def test_a_whole_path_is_told_both_masks_at_once() -> None:
    told: list[Tensor | None] = []

    def whole(q: Tensor, k: Tensor, v: Tensor, allowed: Tensor | None, rec: Recorder) -> Tensor:
        told.append(allowed)
        return q

    def diagonal(scores: Tensor, rec: Recorder) -> Tensor:
        return torch.eye(*scores.shape[-2:], dtype=torch.bool).expand_as(scores)

    q, k, v = torch.zeros(B, H, T, K), torch.zeros(B, G, S, K), torch.zeros(B, G, S, E)
    given_mask = torch.arange(S) != 2
    attend(q, k, v, given_mask, Parts(whole=whole, allow=diagonal))
    attend(q, k, v, None, Parts(whole=whole))
    expected = [[t == s and s != 2 for s in range(S)] for t in range(T)]
    assert told[0] is not None
    assert told[0].shape == (B, H, T, S)
    assert all(told[0][b, h].tolist() == expected for b in range(B) for h in range(H))
    assert told[1] is None
