// Two canvases: the heads are painted once, what is pointed at is painted over them.

/** Empties `canvas` and returns its context, in CSS pixels. */
function prepared(canvas, { width, height }) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return context;
}

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

/** T x S levels as w x h device pixels. A pixel that covers several cells shows the largest. */
function raster(levels, block, w, h, palette) {
  const [rows, columns] = [block.rows.length, block.columns.length];
  const image = new ImageData(w, h);
  const pixels = new Uint32Array(image.data.buffer);
  const [rowEdges, columnEdges] = [edges(rows, h), edges(columns, w)];
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      let most = 0;
      for (let row = rowEdges[2 * y]; row < rowEdges[2 * y + 1]; row++) {
        for (let col = columnEdges[2 * x]; col < columnEdges[2 * x + 1]; col++) {
          const level = levels[row * columns + col];
          if (level > most) most = level;
        }
      }
      pixels[y * w + x] = most === GAP ? palette.gap[((x + y) >> 2) & 1] : palette.lut[most];
    }
  }
  return image;
}

/** For each of `n` pixels the first cell it shows and the one after its last. */
function edges(cells, n) {
  const found = new Int32Array(2 * n);
  for (let i = 0; i < n; i++) {
    found[2 * i] = Math.floor((i * cells) / n);
    found[2 * i + 1] = Math.max(found[2 * i] + 1, Math.floor(((i + 1) * cells) / n));
  }
  return found;
}

function weightsOf(block, { layer, head }) {
  const [, heads, rows, columns] = block.shape;
  const start = (layer * heads + head) * rows * columns;
  return block.values.subarray(start, start + rows * columns);
}

function paintText(context, { text, x, y, align, angle = 0, most }, colour, font) {
  context.save();
  context.translate(x, y);
  context.rotate(angle);
  context.font = font;
  context.fillStyle = colour;
  context.textAlign = align;
  context.fillText(shortened(context, String(text), most), 0, 0);
  context.restore();
}

function shortened(context, text, most = Infinity) {
  if (context.measureText(text).width <= most) return text;
  const characters = [...text];
  while (characters.length && context.measureText(`${characters.join("")}…`).width > most) {
    characters.pop();
  }
  return `${characters.join("")}…`;
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

/** A whole row or a whole column of a head. */
function band(block, box, row, column) {
  const cell = cellRect(block, box, row ?? 0, column ?? 0);
  if (row === null) return { x: cell.x, y: box.y, w: cell.w, h: box.h };
  return { x: box.x, y: cell.y, w: box.w, h: cell.h };
}

/** The cell, or a square around it where the cell is too small to be seen. */
function markRect(block, box, row, col) {
  const cell = cellRect(block, box, row, col);
  const [w, h] = [Math.max(cell.w, 4), Math.max(cell.h, 4)];
  return { x: cell.x + (cell.w - w) / 2, y: cell.y + (cell.h - h) / 2, w, h };
}

/** A dark and a light line side by side: one of them stands out on any colour. */
function markCells(context, palette, rects) {
  outline(context, rects.map((rect) => grown(rect, 1.25)), palette.paper, 1.5);
  outline(context, rects, palette.ink, 1.25);
}

function outline(context, rects, colour, width) {
  context.beginPath();
  for (const { x, y, w, h } of rects) context.rect(x, y, w, h);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
}

function grown({ x, y, w, h }, by) {
  return { x: x - by, y: y - by, w: w + 2 * by, h: h + 2 * by };
}
