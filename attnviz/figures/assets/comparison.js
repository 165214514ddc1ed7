// The same head of several attentions side by side on one scale, and under each its difference to
// one of them. A cell that is pointed at is framed and read out in every picture at once.

const views = new WeakMap();
const STRIP = { gap: 4, width: 22 };
const LABEL = { font: 11, most: 76, least: 9, panel: 200 };
const KEYS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

export default function comparison({ data, parentElement }) {
  const view = views.get(parentElement) ?? create(parentElement);
  views.set(parentElement, view);
  if (!sameBytes(view.data, data)) take(view, data);
  drawAll(view);
  view.root.dataset.drawn = Number(view.root.dataset.drawn ?? 0) + 1;
  return () => close(views, parentElement);
}

function create(parentElement) {
  const root = add(parentElement, "div", "attnviz comparison");
  const panels = add(root, "div", "panels", { role: "application", tabindex: "0" });
  const readout = add(root, "div", "readout", { "aria-live": "polite" });
  const bars = add(root, "div", "bars");
  const view = { root, panels, readout, bars, panes: [], point: null };
  panels.onkeydown = (event) => followKey(view, event);
  panels.onpointerleave = (event) => event.pointerType === "mouse" && pointAt(view, null);
  view.observer = new ResizeObserver(() => root.clientWidth !== view.width && draw(view));
  view.observer.observe(root);
  view.stopListening = () => {};
  return view;
}

/** New data from Python. */
function take(view, data) {
  const { header, arrays } = unpack(data);
  view.data = data.slice();
  view.header = header;
  const found = (index) => (index === null ? null : arrays[index].values);
  view.found = header.panels.map((panel) => ({
    ...panel,
    weights: found(panel.weights),
    sums: found(panel.sums),
    entropy: found(panel.entropy),
    difference: found(panel.difference),
    divergence: found(panel.divergence),
  }));
  const [rows, columns] = [header.rows.length, header.columns.length];
  if (view.point && (view.point.row >= rows || view.point.column >= columns)) view.point = null;
}

function drawAll(view) {
  const { root, header, panels } = view;
  view.palette = tensorPalette(root, header.colours);
  view.family = getComputedStyle(root).fontFamily;
  panels.setAttribute("aria-label", header.text.label);
  panels.style.setProperty("--panels", header.panels.length);
  panels.replaceChildren();
  view.panes = view.found.map((panel) => addPanel(view, panel));
  drawScales(view);
  draw(view);
}

function addPanel(view, panel) {
  const holder = add(view.panels, "div", "panel");
  const heading = add(holder, "div", "heading");
  heading.append(span("title", panel.title));
  const isCompared = view.found.some(({ difference }) => difference); // with one that there is
  if (isCompared && !panel.difference && !panel.problem) {
    heading.append(span("badge", view.header.text.reference));
  }
  if (panel.problem) {
    add(holder, "div", "problem").textContent = panel.problem;
    return { holder, panel, stages: [] };
  }
  const stages = [addStage(view, holder, panel.weights, panel.sums, "weights", "sums")];
  const value = add(holder, "div", "value");
  if (panel.difference) {
    const { difference, divergence } = panel;
    stages.push(addStage(view, holder, difference, divergence, "differences", "divergence"));
  } else {
    add(holder, "div", "blank").textContent = isCompared ? view.header.text.same : "";
  }
  return { holder, panel, value, stages };
}

function addStage(view, holder, values, strip, scale, name) {
  const stage = add(holder, "div", "stage");
  const [base, marks] = [add(stage, "canvas", "base"), add(stage, "canvas", "marks")];
  const made = { stage, base, marks, values, strip, scale, name };
  stage.onpointermove = stage.onpointerdown = (event) => pointAt(view, pointed(view, made, event));
  return made;
}

function drawScales({ bars, header, palette, found }) {
  bars.replaceChildren();
  const scales = [["weights", header.weights], ["differences", header.differences]];
  for (const [name, scale] of scales) {
    if (name === "differences" && !found.some(({ difference }) => difference)) continue;
    const bar = add(bars, "div", "colour-bar");
    drawBar(bar, palette[scale.shades].lut, scale, header.text[`bar-${name}`]);
  }
  add(bars, "div", "hint").textContent = header.text.strips;
}

function draw(view) {
  view.width = view.root.clientWidth;
  if (!view.width || !view.header) return;
  for (const pane of view.panes) {
    for (const stage of pane.stages) {
      stage.layout = layoutOf(view, pane.holder.clientWidth, stage === pane.stages[0]);
      paintStage(view, stage);
      paintPoint(view, stage);
    }
  }
  sayPoint(view);
}

/** Where the matrix, its labels and the strip beside it lie in a panel of this width. */
function layoutOf({ header, family, panes }, panel, isFirst) {
  const [rows, columns] = [header.rows.length, header.columns.length];
  const strip = STRIP.gap + STRIP.width;
  const context = panes[0].holder.ownerDocument.createElement("canvas").getContext("2d");
  context.font = `${LABEL.font}px ${family}`;
  const widest = (labels) =>
    Math.min(LABEL.most, Math.ceil(Math.max(...labels.map((x) => context.measureText(x).width))) + 6);
  const room = (left) => Math.min((panel - left - strip) / columns, 46);
  const fits = panel >= LABEL.panel && room(widest(header.rows)) >= LABEL.least;
  const left = fits ? widest(header.rows) : 0;
  const top = fits && isFirst ? widest(header.columns) : 0; // those under it stand in its columns
  const size = Math.max(room(left), 1);
  const h = size * rows > 420 ? 420 / rows : size;
  const box = { x: left, y: top, w: size * columns, h: h * rows };
  const cell = { w: size, h };
  return { box, cell, fits, font: LABEL.font, width: left + box.w + strip, height: top + box.h + 1 };
}

function paintStage({ header, palette, family }, { base, values, strip, scale, layout }) {
  const context = prepared(base, layout);
  const { shades, root, low, high } = header[scale];
  const shown = root ? values.map((x) => Math.sign(x) * Math.sqrt(Math.abs(x))) : values;
  const picture = { rows: header.rows, columns: header.columns, scale: { low, high } };
  const levels = levelsBetween(shown, picture.scale);
  paintColours(context, picture, layout, levels, palette[shades]);
  paintLines(context, picture, layout, palette.paper);
  outline(context, [layout.box], palette.line, 1);
  if (layout.fits) paintNames(context, header, layout, palette, family);
  paintStrip(context, strip, layout, palette);
}

function paintNames(context, { rows, columns }, { box, cell, font }, palette, family) {
  const face = `${font}px ${family}`;
  rows.forEach((text, row) => {
    const y = box.y + (row + 0.5) * cell.h + font * 0.36;
    paintText(context, { text, x: box.x - 4, y, align: "right", most: box.x - 4 }, palette.muted, face);
  });
  if (box.y) columns.forEach((text, column) => {
    const x = box.x + (column + 0.5) * cell.w + font * 0.36;
    const title = { text, x, y: box.y - 4, align: "left", angle: -Math.PI / 2, most: box.y - 4 };
    paintText(context, title, palette.muted, face);
  });
}

/** A bar for each row, from 0 to the strip's right end; the end is 1, or the largest there is. */
function paintStrip(context, strip, { box, cell }, palette) {
  const x = box.x + box.w + STRIP.gap;
  const most = Math.max(1, ...Array.from(strip, (value) => Math.abs(value) || 0));
  context.fillStyle = palette.line;
  context.fillRect(x + STRIP.width / most - 0.5, box.y, 1, box.h); // where 1 is
  strip.forEach((value, row) => {
    if (!Number.isFinite(value)) return;
    context.fillStyle = value < 0 ? palette.ink : palette.accent;
    const [gap, width] = [cell.h > 4 ? 1 : 0, (STRIP.width * Math.abs(value)) / most];
    context.fillRect(x, box.y + row * cell.h + gap, width, cell.h - 2 * gap);
  });
}

function pointed({ header }, { layout, stage }, { offsetX, offsetY }) {
  const zoom = stage.getBoundingClientRect().width / stage.offsetWidth || 1;
  const scale = Math.abs(zoom - 1) > 0.01 ? zoom : 1;
  return cellAt(header, layout, offsetX / scale, offsetY / scale);
}

function pointAt(view, cell) {
  const before = view.point;
  if (before?.row === cell?.row && before?.column === cell?.column) return;
  view.point = cell;
  for (const { stages } of view.panes) for (const stage of stages) paintPoint(view, stage);
  sayPoint(view);
}

function paintPoint({ header, point, palette }, { marks, layout }) {
  const context = prepared(marks, layout);
  if (!point) return;
  const rect = markRect(header, layout.box, point.row, point.column);
  markCells(context, palette, [rect]);
}

function followKey(view, event) {
  const step = KEYS[event.key];
  if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const sizes = [view.header.rows.length, view.header.columns.length];
  const from = view.point ? [view.point.row, view.point.column] : [0, 0];
  const [row, column] = from.map((at, i) => Math.min(sizes[i] - 1, Math.max(0, at + step[i])));
  pointAt(view, { row, column });
}

/** The tokens of the cell, and in every panel its weight there, its row and the difference. */
function sayPoint({ header, panes, point, readout }) {
  const { text, rows, columns } = header;
  if (!point) readout.textContent = text.hint;
  else {
    const parts = { row: span("token", rows[point.row]), column: span("token", columns[point.column]) };
    say(readout, text.readout, parts);
  }
  for (const { panel, value } of panes) {
    if (!value) continue;
    value.replaceChildren();
    if (!point) continue;
    const at = point.row * columns.length + point.column;
    const weight = digits(panel.weights[at], text.nan);
    const sum = digits(panel.sums[point.row], text.nan);
    const entropy = digits(panel.entropy[point.row], text.nan);
    say(value, text.value, { weight: span("weight", weight), sum, entropy });
    if (!panel.difference) continue;
    const parts = {
      difference: digits(panel.difference[at], text.nan),
      divergence: digits(panel.divergence[point.row], text.nan),
    };
    const more = span("more", "");
    say(more, text.change, parts);
    value.append(more);
  }
}
