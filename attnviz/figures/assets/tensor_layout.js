// Where a matrix, its labels and its titles stand, in CSS pixels. Nothing is drawn here.

const GAP_TO_LABEL = 6;
const EDGE = 12; // room for the last label
const AROUND = 4; // room for a frame
const READABLE = 16; // a cell that holds a number

/** The matrix in question fills the width and has titled axes; its labels are thinned out. */
const MAIN = { font: 12, width: Infinity, height: 330, cellWidth: 64, cellHeight: 34, ems: 11 };
/** Those that it was made of are small, and have the labels of an axis only where all fit. */
const OPERAND = { font: 10, width: 300, height: 110, cellWidth: 44, cellHeight: 22, ems: 5 };

/** `measure(text)` tells how wide a text is in the manner's font. */
function tensorLayout(picture, manner, room, measure) {
  const { rows, columns } = picture;
  const { font } = manner;
  const most = manner.ems * font;
  const isMain = manner === MAIN;
  const width = Math.min(room, manner.width);
  const widest = (labels) => Math.max(0, ...labels.map((label) => measure(label)));
  const titles = isMain ? titled(picture) : null;

  const least = isMain && !picture.scale ? READABLE : 0; // without colours the numbers are all
  const h = wholePixels(Math.min(manner.cellHeight, Math.max(least, manner.height / rows.length)));
  const down = spread(rows, font + 2, h, isMain);
  const beside = [...(down.shown.length ? rows : []), ...(titles ? [titles.row] : [])];
  const wanted = beside.length ? widest(beside) + GAP_TO_LABEL + 2 : AROUND;
  const left = Math.ceil(Math.min(wanted, most, width / 4));

  const w = wholePixels(Math.min(manner.cellWidth, (width - left - EDGE) / columns.length));
  const extent = isMain || w >= font ? Math.min(widest(columns), most) : most;
  const level = extent + GAP_TO_LABEL <= w || extent <= 2 * font;
  const across = spread(columns, level ? extent + GAP_TO_LABEL : font + 2, w, isMain);
  const above = across.shown.length ? GAP_TO_LABEL + (level ? font : Math.ceil(extent)) : AROUND;
  const top = above + (titles ? font + GAP_TO_LABEL : 0);

  const box = { x: left, y: top, w: w * columns.length, h: h * rows.length };
  const right = left + Math.max(box.w, titles ? measure(titles.column) : 0) + EDGE;
  const layout = { box, font, level, cell: { w, h } };
  layout.width = Math.min(width, Math.ceil(right));
  layout.height = Math.ceil(top + box.h + AROUND);
  layout.texts = titles ? titleTexts(titles, layout) : [];
  layout.rows = { ...down, textOf: (row) => rowText(picture, layout, row) };
  layout.columns = { ...across, textOf: (column) => columnText(picture, layout, column) };
  return layout;
}

/**
 * Which labels are `shown` along an axis whose cells have `size` pixels: all, or where a label
 * needs more, every second, fourth, eighth, as the sizes of models go, or else none.
 */
function spread(labels, needed, size, isThinned) {
  const step = 2 ** Math.max(0, Math.ceil(Math.log2(needed / size)));
  const shown = labels.map((_, i) => i).filter((i) => i % step === 0);
  return { shown: isThinned || step === 1 ? shown : [], needed, size };
}

function titled({ rowTitle, columnTitle }) {
  if (!rowTitle && !columnTitle) return null;
  return { row: rowTitle && `${rowTitle} ↓`, column: columnTitle && `${columnTitle} →` };
}

/** Cells that are large enough to have edges have sharp ones. */
function wholePixels(size) {
  return size >= 12 ? Math.floor(size) : size;
}

function rowText(picture, { box, cell, font }, row) {
  const y = box.y + (row + 0.5) * cell.h + font * 0.36;
  const x = box.x - GAP_TO_LABEL;
  return { text: picture.rows[row], x, y, align: "right", most: x };
}

function columnText(picture, { box, cell, font, level, width }, column) {
  const [text, middle] = [picture.columns[column], box.x + (column + 0.5) * cell.w];
  const y = box.y - GAP_TO_LABEL + 1;
  if (level) return { text, x: Math.min(middle, width - EDGE), y, align: "center" };
  const most = box.y - 2 * GAP_TO_LABEL;
  return { text, x: middle + font * 0.36, y, align: "left", angle: -Math.PI / 2, most };
}

/** Both above the labels; but where those of the columns are upright, the rows' own beside them. */
function titleTexts(titles, { box, font, level, width }) {
  const x = box.x - GAP_TO_LABEL;
  const y = level ? font : box.y - GAP_TO_LABEL + 1;
  return [
    { text: titles.row, x, y, align: "right", most: x },
    { text: titles.column, x: box.x, y: font, align: "left", most: width - box.x },
  ];
}

/** The cell {row, column} at a point, null outside. */
function cellAt({ rows, columns }, { box, cell }, x, y) {
  const [row, column] = [Math.floor((y - box.y) / cell.h), Math.floor((x - box.x) / cell.w)];
  const isInside = row >= 0 && row < rows.length && column >= 0 && column < columns.length;
  return isInside ? { row, column } : null;
}
