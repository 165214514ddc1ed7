// One head as lines: source tokens (keys) left, target tokens (queries) right. A line's colour and
// width are its weight on the square-root scale: a thin line needs more colour than a cell.

const views = new WeakMap();
const LEAST = 0.005; // thinner lines only make mud; how many are left out is said
const FAINT = 0.22;
const BINS = 16;
const DOWN = { ArrowUp: -1, ArrowDown: 1 };

export default function lines({ data, parentElement }) {
  const view = views.get(parentElement) ?? create(parentElement);
  views.set(parentElement, view);
  take(view, data);
  draw(view);
  view.root.dataset.drawn = Number(view.root.dataset.drawn ?? 0) + 1;
  return () => close(views, parentElement);
}

function create(parentElement) {
  const root = add(parentElement, "div", "attnviz lines");
  const heads = add(root, "div", "heads");
  const names = { column: add(heads, "span", "name"), row: add(heads, "span", "name") };
  const body = add(root, "div", "body");
  const columnList = add(body, "div", "list source");
  const canvas = add(add(body, "div", "middle"), "canvas");
  const rowList = add(body, "div", "list target");
  const bar = add(root, "div", "colour-bar");
  const note = add(root, "div", "note");
  const hint = add(root, "div", "hint");
  const id = crypto.getRandomValues(new Uint32Array(1))[0];
  const view = { root, names, body, columnList, canvas, rowList, bar, note, hint, id };
  view.observer = new ResizeObserver(() => view.header && drawLines(view));
  view.observer.observe(canvas.parentElement);
  view.stopListening = listen(id, (detail) => light(view, detail));
  return view;
}

function take(view, data) {
  const { header, arrays } = unpack(data);
  view.header = header;
  view.values = arrays[0].values;
  view.pointed = null;
}

function draw(view) {
  const { header, root, values } = view;
  const { text } = header;
  view.palette = paletteOf(root, header.colours);
  view.names.column.textContent = text.columns;
  view.names.row.textContent = text.rows;
  const longest = Math.max(header.rows.length, header.columns.length);
  view.pitch = Math.max(17, Math.min(30, 560 / longest));
  root.style.setProperty("--pitch", `${view.pitch}px`);
  view.columnChips = drawList(view, view.columnList, "column", header.columns);
  view.rowChips = drawList(view, view.rowList, "row", header.rows);
  drawBar(view.bar, view.palette.lut, header.scales.sqrt, text.bar);
  view.hint.textContent = text.hint;
  sayLeftOut(view, values, text);
  show(view);
}

function drawList(view, list, side, labels) {
  list.replaceChildren();
  const chips = labels.map((label, i) => {
    const line = add(list, "div", "line");
    const chip = addChip(line, label);
    add(line, "span", "weight");
    chip.onpointerenter = chip.onpointerdown = chip.onfocus = () => point(view, { [side]: i });
    chip.onpointerleave = (event) => event.pointerType === "mouse" && point(view, null);
    chip.onblur = () => point(view, null);
    return chip;
  });
  roving(chips, DOWN);
  return chips;
}

function sayLeftOut(view, values, text) {
  sayUnusual(view.note, values, text);
  const left = values.reduce((n, weight) => n + (Math.abs(weight) < LEAST ? 1 : 0), 0);
  if (!left) return;
  const sentence = text.skipped.replace("<least>", LEAST).replace("<count>", left);
  view.note.prepend(`${sentence.replace("<total>", values.length)} `);
}

/** Points at a token of one side, {row} or {column}, or at none. */
function point(view, pointed) {
  view.pointed = pointed;
  show(view);
  announce(view.id, view.header, pointed?.row ?? null, pointed?.column ?? null);
}

function light(view, detail) {
  const { rows, columns } = litBy(detail, view.header);
  if (rows.length) view.pointed = { row: rows[0] };
  else view.pointed = columns.length ? { column: columns[0] } : null;
  show(view);
  lightChips(view.rowChips, rows);
  lightChips(view.columnChips, columns);
}

function show(view) {
  const { pointed, header, rowChips, columnChips } = view;
  const focus = pointed ?? (header.row === null ? null : { row: header.row });
  lightChips(rowChips, focus ? [focus.row] : []);
  lightChips(columnChips, focus ? [focus.column] : []);
  drawWeights(view, focus);
  drawLines(view);
}

/** The exact weights of one token, each beside the token at the other end. */
function drawWeights({ header, values, rowChips, columnChips }, focus) {
  const n = header.columns.length;
  const write = (chip, value, isOn) => {
    const holder = chip.parentElement.querySelector(".weight");
    holder.textContent = isOn ? digits(value, header.text.nan) : "";
    holder.classList.toggle("small", Math.abs(value) < LEAST);
  };
  rowChips.forEach((chip, row) => {
    write(chip, values[row * n + focus?.column], focus?.column !== undefined);
  });
  columnChips.forEach((chip, column) => {
    write(chip, values[focus?.row * n + column], focus?.row !== undefined);
  });
}

function drawLines(view) {
  const { canvas, header, pitch, pointed } = view;
  const width = canvas.parentElement.clientWidth;
  const height = pitch * Math.max(header.rows.length, header.columns.length);
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  if (pointed) return strokeLines(view, context, width, pointed, 1);
  strokeLines(view, context, width, {}, header.row === null ? 1 : FAINT);
  if (header.row !== null) strokeLines(view, context, width, { row: header.row }, 1);
}

/** The lines of one row, of one column or of all, the heaviest on top. */
function strokeLines({ header, values, palette, pitch }, context, width, { row, column }, alpha) {
  const n = header.columns.length;
  const paths = Array.from({ length: BINS }, () => new Path2D());
  for (let i = 0; i < values.length; i++) {
    const [target, source] = [Math.floor(i / n), i % n];
    const isWanted = (row ?? target) === target && (column ?? source) === source;
    const weight = Math.abs(values[i]);
    if (!isWanted || !(weight >= LEAST)) continue;
    const path = paths[Math.min(BINS - 1, Math.floor(Math.sqrt(weight) * BINS))];
    const [from, to] = [(source + 0.5) * pitch, (target + 0.5) * pitch];
    path.moveTo(0, from);
    path.bezierCurveTo(width * 0.4, from, width * 0.6, to, width, to);
  }
  context.globalAlpha = alpha;
  paths.forEach((path, bin) => {
    const part = (bin + 0.5) / BINS;
    context.strokeStyle = css(palette.lut[Math.round(255 * part)]);
    context.lineWidth = 0.75 + 3 * part * part;
    context.stroke(path);
  });
}
