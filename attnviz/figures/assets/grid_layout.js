// Where everything stands, in CSS pixels: boxes (one a head) and texts. Nothing is drawn here.

const LABEL = 11; // font size of labels
const LINE = 14; // the least distance between two labels
const GUTTER = 26;
const EDGE = 4; // room for the outline of the last head
const LEAST = 30; // a head narrower than this is hard to hit: wrap the layer into two rows
const MOST = 140;

/** All heads of a block: rows are layers, columns are heads. */
function gridLayout(block, width, text) {
  const [layers, heads, rows, columns] = block.shape;
  const gap = width < 420 ? 3 : 5;
  const fit = (n) => Math.floor((width - GUTTER - EDGE - gap * (n - 1)) / n);
  const across = fit(heads) < LEAST ? Math.ceil(heads / 2) : heads;
  const w = Math.min(MOST, fit(across));
  const h = Math.round(w * Math.min(1.5, Math.max(0.6, rows / columns)));
  const layout = { boxes: [], texts: [{ text: text.head, x: 0, y: LINE - 3, align: "left" }] };
  let y = LINE;
  for (let layer = 0; layer < layers; layer++) {
    for (let first = 0; first < heads; first += across) {
      if (across < heads && (layer || first)) y += LINE;
      const labelled = across < heads || layer === 0;
      for (let head = first; head < Math.min(first + across, heads); head++) {
        const x = GUTTER + (head - first) * (w + gap);
        layout.boxes.push({ layer, head, x, y, w, h });
        if (labelled) layout.texts.push({ text: head, x: x + w / 2, y: y - 3, align: "center" });
      }
      if (first === 0) {
        layout.texts.push({ text: `L${layer}`, x: 0, y: y + h / 2 + 4, align: "left" });
      }
      y += h + gap;
    }
  }
  return { ...layout, width, height: y + EDGE };
}

/** One head, large, with the tokens along both axes. `measure` tells how wide a text is. */
function enlargedLayout(block, { layer, head }, width, measure) {
  const [, , rows, columns] = block.shape;
  const widest = (labels) => Math.min(width / 4, Math.max(...labels.map(measure))) + 8;
  const [left, top] = [widest(block.rows), widest(block.columns)];
  const cellWidth = Math.min(44, (width - left - EDGE) / columns);
  const cellHeight = Math.min(44, 620 / rows, cellWidth * 2);
  const [w, h] = [Math.min(cellWidth, cellHeight * 3) * columns, cellHeight * rows];
  const box = { layer, head, x: left, y: top, w, h };
  const texts = [
    ...everyNth(block.rows, cellHeight).map((row) => rowLabel(block, box, row)),
    ...everyNth(block.columns, w / columns).map((column) => columnLabel(block, box, column)),
  ];
  return { boxes: [box], texts, width, height: top + h + EDGE, labelled: true };
}

/** The indices of the labels that have room. */
function everyNth(labels, room) {
  const step = Math.ceil(LINE / room);
  return labels.map((_, i) => i).filter((i) => i % step === 0);
}

function rowLabel(block, box, row) {
  const y = box.y + ((row + 0.5) * box.h) / block.rows.length + LABEL * 0.36;
  return { text: block.rows[row], x: box.x - 5, y, align: "right", most: box.x - 6 };
}

function columnLabel(block, box, column) {
  const x = box.x + ((column + 0.5) * box.w) / block.columns.length + LABEL * 0.36;
  const text = block.columns[column];
  return { text, x, y: box.y - 5, align: "left", angle: -Math.PI / 2, most: box.y - 6 };
}

/** The head and the cell at a point, or null in between. */
function locate(block, layout, x, y) {
  const box = layout.boxes.find(
    (b) => x >= b.x && x < b.x + b.w && y >= b.y && y < b.y + b.h,
  );
  if (!box) return null;
  return {
    layer: box.layer,
    head: box.head,
    row: Math.floor(((y - box.y) / box.h) * block.rows.length),
    col: Math.floor(((x - box.x) / box.w) * block.columns.length),
  };
}
