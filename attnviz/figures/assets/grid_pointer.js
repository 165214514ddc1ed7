// Mouse, finger and keyboard all move one point: {layer, head, row, col}, or null.

function followPointer(view, stage) {
  const pointAt = (event) => {
    const { left, top } = view.base.getBoundingClientRect();
    return locate(view.block, view.layout, event.clientX - left, event.clientY - top);
  };
  stage.onpointermove = (event) => view.setPoint(pointAt(event));
  stage.onpointerdown = (event) => view.setPoint(pointAt(event));
  stage.onpointerleave = (event) => {
    if (event.pointerType === "mouse") view.setPoint(null); // a finger that lifts still reads
  };
  stage.onclick = (event) => view.select(pointAt(event));
}

const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

function followKeys(view, stage) {
  stage.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const point = view.point ?? startPoint(view);
    if (event.key in ARROWS) move(view, point, event.shiftKey, ARROWS[event.key]);
    else if (event.key === "Enter") view.select(point);
    else if (event.key === "e" || event.key === "E") view.enlarge(view.enlarged ? null : point);
    else if (event.key === "Escape" && view.enlarged) view.enlarge(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  stage.onblur = () => view.setPoint(null);
}

/** Where the keyboard starts: at what is chosen, else at the first cell of the first head. */
function startPoint({ block, selection, enlarged }) {
  const chosen = selection?.block === block.id ? selection : {};
  const { layer, head } = enlarged ?? { layer: chosen.layer ?? 0, head: chosen.head ?? 0 };
  return { layer, head, row: chosen.row ?? 0, col: chosen.col ?? 0 };
}

/** Arrows go from head to head, with Shift from cell to cell. */
function move(view, point, cells, [down, right]) {
  const [layers, heads, rows, columns] = view.block.shape;
  const next = { ...point };
  if (cells) {
    next.row = inside(point.row + down, rows);
    next.col = inside(point.col + right, columns);
  } else {
    next.layer = inside(point.layer + down, layers);
    next.head = inside(point.head + right, heads);
  }
  if (view.enlarged && !cells) view.enlarge(next);
  view.setPoint(next);
}

function inside(index, size) {
  return Math.min(size - 1, Math.max(0, index));
}
