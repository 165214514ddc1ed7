// A matrix in a box: what its pixels show, and where its cells, rows and columns lie.
// It is any {rows, columns} of labels.

/**
 * T x S levels as w x h pixels. A pixel that covers several cells shows the one that is furthest
 * from the `middle` of the scale: the largest, where the scale begins at 0.
 */
function raster(levels, matrix, w, h, palette, middle = 0) {
  const [rows, columns] = [matrix.rows.length, matrix.columns.length];
  const image = new ImageData(w, h);
  const pixels = new Uint32Array(image.data.buffer);
  const [rowEdges, columnEdges] = [edges(rows, h), edges(columns, w)];
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      let most = middle;
      for (let row = rowEdges[2 * y]; row < rowEdges[2 * y + 1]; row++) {
        for (let col = columnEdges[2 * x]; col < columnEdges[2 * x + 1]; col++) {
          const level = levels[row * columns + col];
          if (Math.abs(level - middle) > Math.abs(most - middle)) most = level;
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

function cellRect(matrix, box, row, col) {
  const [w, h] = [box.w / matrix.columns.length, box.h / matrix.rows.length];
  return { x: box.x + col * w, y: box.y + row * h, w, h };
}

/** A whole row (column null) or a whole column (row null). */
function band(matrix, box, row, column) {
  const cell = cellRect(matrix, box, row ?? 0, column ?? 0);
  if (row === null) return { x: cell.x, y: box.y, w: cell.w, h: box.h };
  return { x: box.x, y: cell.y, w: box.w, h: cell.h };
}

/** The cell, or a square around it where the cell is too small to be seen. */
function markRect(matrix, box, row, col) {
  return visible(cellRect(matrix, box, row, col));
}

function visible(rect) {
  const [w, h] = [Math.max(rect.w, 4), Math.max(rect.h, 4)];
  return { x: rect.x + (rect.w - w) / 2, y: rect.y + (rect.h - h) / 2, w, h };
}

/** A dark and a light line side by side: one of them stands out on any colour. */
function markCells(context, palette, rects) {
  outline(context, rects.map((rect) => grown(rect, 1.25)), palette.paper, 1.5);
  outline(context, rects, palette.ink, 1.25);
}
