// Two canvases: the heads are painted once, what is pointed at is painted over them.

function paintHeads(view) {
  const { block, layout, palette, scale } = view;
  const context = prepared(view.base, layout);
  const ratio = window.devicePixelRatio || 1;
  for (const box of layout.boxes) {
    const levels = levelsOf(weightsOf(block, box), block.rows.length, block.columns.length, scale);
    const [x, y] = [Math.round(box.x * ratio), Math.round(box.y * ratio)];
    const w = Math.max(1, Math.round((box.x + box.w) * ratio) - x);
    const h = Math.max(1, Math.round((box.y + box.h) * ratio) - y);
    context.putImageData(raster(levels, block, w, h, palette), x, y);
  }
  context.strokeStyle = palette.muted;
  context.globalAlpha = 0.45;
  context.lineWidth = 1;
  for (const { x, y, w, h } of layout.boxes) context.strokeRect(x - 0.5, y - 0.5, w + 1, h + 1);
  context.globalAlpha = 1;
  for (const text of layout.texts) paintText(context, text, palette.muted, view.font);
}

function weightsOf(block, { layer, head }) {
  const [, heads, rows, columns] = block.shape;
  const start = (layer * heads + head) * rows * columns;
  return block.values.subarray(start, start + rows * columns);
}

/** What is pointed at in other pictures, what is pointed at here, what is chosen. */
function paintMarks(view) {
  const { block, layout, palette, point, lit } = view;
  const context = prepared(view.marks, layout);
  const bands = layout.boxes.flatMap((box) => [
    ...lit.rows.map((row) => band(block, box, row, null)),
    ...lit.columns.map((column) => band(block, box, null, column)),
  ]);
  markCells(context, palette, bands);
  if (point) paintPoint(context, view, point);
  paintChosen(context, view);
}

function paintChosen(context, { block, layout, palette, selection, point }) {
  if (selection?.block !== block.id) return;
  const { layer, head, row, col } = selection;
  const box = layout.boxes.find((b) => b.layer === layer && b.head === head);
  if (!box) return;
  if (!layout.labelled) outline(context, [grown(box, 1.5)], palette.accent, 3);
  const exists = row < block.rows.length && col < block.columns.length;
  if (exists && !point) markCells(context, palette, [markRect(block, box, row, col)]);
}

/** The same cell in every head; in the head pointed at also its row and its column. */
function paintPoint(context, view, point) {
  const { block, layout, palette } = view;
  const here = layout.boxes.find((b) => b.layer === point.layer && b.head === point.head);
  if (here && !layout.labelled) outline(context, [grown(here, 1.5)], palette.ink, 1.5);
  if (here) {
    const cross = [band(block, here, point.row, null), band(block, here, null, point.col)];
    context.globalAlpha = 0.55;
    outline(context, cross, palette.ink, 1);
    context.globalAlpha = 1;
  }
  markCells(context, palette, layout.boxes.map((b) => markRect(block, b, point.row, point.col)));
  if (layout.labelled) paintPointLabels(context, view, here, point);
}

function paintPointLabels(context, view, box, { row, col }) {
  const { block, palette, font } = view;
  for (const label of [rowLabel(block, box, row), columnLabel(block, box, col)]) {
    context.fillStyle = palette.paper;
    if (label.angle) context.fillRect(label.x - LABEL, 0, LABEL + 4, box.y - 2);
    else context.fillRect(0, label.y - LABEL, box.x - 2, LABEL + 4);
    paintText(context, label, palette.ink, `600 ${font}`);
  }
}
