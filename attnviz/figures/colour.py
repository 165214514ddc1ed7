"""The colour scales: one for weights 0..1, light and dark, and one for numbers around 0.

ColorBrewer's "Blues" and "RdBu" (Brewer 2003): lightness alone tells the order, so they survive
colour blindness and grey print.
"""

SEQUENTIAL_LIGHT = (
    "#f7fbff",
    "#deebf7",
    "#c6dbef",
    "#9ecae1",
    "#6baed6",
    "#4292c6",
    "#2171b5",
    "#08519c",
    "#08306b",
)
SEQUENTIAL_DARK = (
    "#141b26",
    "#0f2c55",
    "#08418a",
    "#1a5fae",
    "#3d88c7",
    "#6baed6",
    "#9ecae1",
    "#cfe3f3",
    "#f7fbff",
)
DIVERGING = (
    "#2166ac",
    "#4393c3",
    "#92c5de",
    "#d1e5f0",
    "#f7f7f7",
    "#fddbc7",
    "#f4a582",
    "#d6604d",
    "#b2182b",
)
