"""The head grid as HTML that stands alone: for a notebook, an e-mail, a file opened offline."""

import base64
import json
from collections.abc import Mapping, Sequence
from uuid import uuid4

from attnviz.figures import asset, payload
from attnviz.figures.payload import GridBlock

_PAGE = """\
<div id="{id}" class="attnviz-output"></div>
<script type="module">
{script}
function decoded(base64) {{
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}}

function start(host) {{
  const parentElement = host.attachShadow({{ mode: "open" }});
  const style = document.createElement("style");
  style.textContent = {style};
  parentElement.append(style);
  const data = decoded("{data}");
  const draw = () => headGrid({{ data, parentElement, setTriggerValue() {{}} }});
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}}

// A notebook may show the same output twice, and then both have the same id.
for (const host of document.querySelectorAll("#{id}")) if (!host.shadowRoot) start(host);
</script>
"""


def html(blocks: Sequence[GridBlock], text: Mapping[str, str]) -> str:
    """A head grid of `blocks` with all it needs inside: nothing is loaded from anywhere.

    Raises ValueError without a block.
    """
    data = base64.b64encode(payload.grid(blocks, None, text)).decode("ascii")
    style = asset.style("notebook") + asset.style("head_grid")
    return _PAGE.format(
        id=f"attnviz-{uuid4().hex}",
        script=asset.script("head_grid"),
        style=json.dumps(style),
        data=data,
    )
