// One large matrix, and small under it those that it was made of. A click or Shift and an arrow key
// choose a cell of the large one; the plain arrow keys belong to whoever steps through the model.

const views = new WeakMap();
const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

export default function tensor({ data, parentElement, setTriggerValue }) {
  const view = views.get(parentElement) ?? create(parentElement);
  views.set(parentElement, view);
  view.report = setTriggerValue;
  if (!sameBytes(view.data, data)) take(view, data);
  drawAll(view);
  view.root.dataset.drawn = Number(view.root.dataset.drawn ?? 0) + 1;
  return () => close(views, parentElement);
}

function create(parentElement) {
  const root = add(parentElement, "div", "attnviz tensor");
  const picks = add(root, "div", "picks");
  const main = addPane(root);
  main.pane.classList.add("main");
  const readout = add(main.pane, "div", "readout", { "aria-live": "polite" });
  const bar = add(main.pane, "div", "colour-bar");
  const note = add(main.pane, "div", "note");
  const operands = add(root, "div", "operands");
  const view = { root, picks, readout, bar, note, operands, panes: [main], asked: [], point: null };
  main.stage.tabIndex = 0;
  main.stage.setAttribute("role", "application");
  main.stage.onclick = (event) => choose(view, pointed(main, event));
  main.stage.onkeydown = (event) => followKey(view, event);
  main.stage.onblur = () => pointAt(view, main, null);
  followPointer(view, main);
  view.observer = new ResizeObserver(() => root.clientWidth !== view.width && draw(view));
  view.observer.observe(root);
  view.stopListening = () => {};
  return view;
}

function addPane(holder) {
  const pane = add(holder, "div", "pane");
  const heading = add(pane, "div", "heading");
  const stage = add(pane, "div", "stage");
  const [base, marks] = [add(stage, "canvas", "base"), add(stage, "canvas", "marks")];
  return { pane, heading, stage, base, marks };
}

/** New data from Python. A pane stays where it was: the page must not jump. */
function take(view, data) {
  const { header, arrays } = unpack(data);
  view.data = data.slice();
  view.header = header;
  const pictures = header.pictures.map((picture, i) => ({ ...picture, ...arrays[i] }));
  while (view.panes.length > pictures.length) view.panes.pop().pane.remove();
  while (view.panes.length < pictures.length) {
    const pane = addPane(view.operands);
    followPointer(view, pane);
    view.panes.push(pane);
  }
  pictures.forEach((picture, i) => { view.panes[i].picture = picture; });
  view.asked = awaited(view.asked, (cell) => isMarked(pictures[0], cell));
  if (!exists(view.point)) view.point = null;
}

/** Whether Python marks this cell, or its row or its column. */
function isMarked({ row, column }, cell) {
  return (row ?? cell.row) === cell.row && (column ?? cell.column) === cell.column;
}

function exists(point) {
  const shape = point?.pane.picture.shape;
  return shape && point.row < shape[0] && point.column < shape[1];
}

function drawAll(view) {
  const { root, header, panes } = view;
  const [{ picture, stage }] = panes;
  view.palette = tensorPalette(root, header.colours);
  view.family = getComputedStyle(root).fontFamily;
  stage.setAttribute("aria-label", header.text.label.replace("<title>", picture.title));
  panes.forEach(drawHeading);
  drawPicks(view.picks, header.picks, (choice) => view.report("choose", choice));
  view.bar.replaceChildren();
  if (picture.scale) drawBar(view.bar, view.palette[picture.shades].lut, picture.scale);
  const numbers = picture.values.filter((value) => Math.abs(value) !== Infinity);
  const ends = picture.scale ?? { low: -Infinity, high: Infinity };
  sayUnusual(view.note, numbers, header.text, ends);
  draw(view);
}

/** The title and the size; a small picture names its axes here. */
function drawHeading({ heading, picture }, i) {
  const axes = i ? [picture.rowTitle, picture.columnTitle].filter(Boolean).join(" × ") : "";
  const parts = { title: picture.title, shape: picture.shape.join(" × "), axes };
  heading.replaceChildren(...Object.entries(parts).map(([name, text]) => span(name, text)));
}

function draw(view) {
  const { root, panes, palette, family } = view;
  view.width = root.clientWidth;
  if (!view.width || !view.header) return;
  panes.forEach((pane, i) => {
    const manner = i ? OPERAND : MAIN;
    const context = pane.base.getContext("2d");
    context.font = `${manner.font}px ${family}`;
    const measure = (text) => context.measureText(text).width;
    pane.layout = tensorLayout(pane.picture, manner, view.width, measure);
    paintPicture(pane, palette, family);
    paintMarks(pane, palette, family, marksOf(view, pane));
  });
  sayPoint(view);
}

/** What is chosen and what is pointed at in a picture. What the reader asked for goes first. */
function marksOf({ panes, asked, point }, pane) {
  const { row, column } = pane.picture;
  const isMarked = row !== null || column !== null;
  const ahead = pane === panes[0] ? asked.at(-1) : null;
  const kept = (marked, i) => (isMarked && marked === null ? null : i);
  const chosen = ahead ? { row: kept(row, ahead.row), column: kept(column, ahead.column) } : null;
  return {
    chosen: chosen ?? (isMarked ? { row, column } : null),
    point: point?.pane === pane ? point : null,
  };
}

function followPointer(view, pane) {
  const follow = (event) => pointAt(view, pane, pointed(pane, event));
  pane.stage.onpointermove = pane.stage.onpointerdown = follow;
  pane.stage.onpointerleave = (event) => {
    if (event.pointerType === "mouse") pointAt(view, pane, null); // a finger that lifts still reads
  };
}

/** The cell under the pointer; a page that is zoomed tells larger pixels than ours. */
function pointed({ picture, layout, stage }, { offsetX, offsetY }) {
  const zoom = stage.getBoundingClientRect().width / stage.offsetWidth || 1;
  const scale = Math.abs(zoom - 1) > 0.01 ? zoom : 1;
  return cellAt(picture, layout, offsetX / scale, offsetY / scale);
}

function pointAt(view, pane, cell) {
  const before = view.point;
  if (before?.pane === pane && before.row === cell?.row && before.column === cell?.column) return;
  if (!before && !cell) return;
  view.point = cell && { pane, ...cell };
  for (const changed of new Set([before?.pane ?? pane, pane])) {
    if (changed.layout) paintMarks(changed, view.palette, view.family, marksOf(view, changed));
  }
  sayPoint(view);
}

function choose(view, cell) {
  if (!cell) return;
  const [main] = view.panes;
  view.asked.push(cell);
  paintMarks(main, view.palette, view.family, marksOf(view, main));
  view.report("select", cell);
}

function followKey(view, event) {
  const step = ARROWS[event.key];
  if (!step || !event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  event.stopPropagation();
  const [main] = view.panes;
  const { picture } = main;
  const from = view.asked.at(-1) ?? { row: picture.row ?? 0, column: picture.column ?? 0 };
  const [row, column] = [from.row, from.column].map((index, axis) =>
    Math.min(picture.shape[axis] - 1, Math.max(0, index + step[axis])));
  if (row === from.row && column === from.column) return;
  pointAt(view, main, { row, column });
  choose(view, { row, column });
}

/** The line under the matrix: the value pointed at, whole, else what to do. */
function sayPoint({ point, header, readout }) {
  const { text } = header;
  if (!point) {
    readout.textContent = text.hint;
    return;
  }
  const { picture } = point.pane;
  const at = point.row * picture.shape[1] + point.column;
  const value = picture.values[at];
  say(readout, text.readout, {
    title: span("title", picture.title),
    row: span("token", picture.rows[point.row]),
    column: span("token", picture.columns[point.column]),
    value: span("value", picture.exact?.[at] ?? exact(value, text.nan)),
  });
}
