// All heads of all layers at once. Streamlit calls the default export again for new data and for a
// new theme; what the reader chose here lives in `views`.

const views = new WeakMap();
const SCALES = ["linear", "row", "sqrt"];

export default function headGrid({ data, parentElement, setTriggerValue }) {
  const view = views.get(parentElement) ?? create(parentElement);
  views.set(parentElement, view);
  view.report = setTriggerValue;
  if (!sameBytes(view.data, data)) take(view, data);
  drawAll(view);
  view.root.dataset.drawn = Number(view.root.dataset.drawn ?? 0) + 1;
  return () => close(views, parentElement);
}

function create(parentElement) {
  const root = add(parentElement, "div", "attnviz head-grid");
  const view = {
    id: crypto.getRandomValues(new Uint32Array(1))[0],
    root,
    ...build(root),
    ...{ block: null, scale: "linear", enlarged: null, selection: null },
    ...{ point: null, lit: { rows: [], columns: [] } },
  };
  view.setPoint = (point) => setPoint(view, point);
  view.select = (point) => select(view, point);
  view.enlarge = (head) => enlarge(view, head);
  followPointer(view, view.stage);
  followKeys(view, view.stage);
  view.observer = new ResizeObserver(() => root.clientWidth !== view.layout?.width && draw(view));
  view.observer.observe(root);
  const ways = [
    listen(view.id, (detail) => light(view, detail)),
    listenChosen(view.id, (selection) => follow(view, selection)),
  ];
  view.stopListening = () => ways.forEach((stop) => stop());
  return view;
}

function build(root) {
  const top = add(root, "div", "controls");
  const tabs = add(top, "div", "segmented", { role: "tablist" });
  const button = add(top, "button", "plain", { type: "button" });
  const readout = add(root, "div", "readout", { "aria-live": "polite" });
  const stage = add(root, "div", "stage", { tabindex: 0, role: "application" });
  const base = add(stage, "canvas", "base");
  const marks = add(stage, "canvas", "marks");
  const bottom = add(root, "div", "controls");
  const scales = add(bottom, "div", "segmented", { role: "radiogroup" });
  const bar = add(bottom, "div", "colour-bar");
  const note = add(root, "div", "note");
  const hint = add(root, "div", "hint");
  return { tabs, button, readout, stage, base, marks, scales, bar, note, hint };
}

/** New data from Python. The block stays where it was, unless Python chose another. */
function take(view, data) {
  const { header, arrays } = unpack(data);
  view.data = data.slice();
  view.header = header;
  view.blocks = header.blocks.map((block, i) => ({ ...block, ...arrays[i], block: block.id }));
  const named = (id) => view.blocks.find((block) => block.id === id);
  const before = view.selection?.block;
  view.selection = header.selection;
  const chosen = named(header.selection?.block);
  const stays = named(view.block?.id);
  view.block = (chosen?.id === before && stays) || chosen || stays || view.blocks[0];
  view.point = null;
  if (view.enlarged && !exists(view.block, view.enlarged)) view.enlarged = null;
}

function exists({ shape: [layers, heads] }, { layer, head }) {
  return layer < layers && head < heads;
}

function drawAll(view) {
  const { header, root, stage } = view;
  view.palette = paletteOf(root, header.colours);
  view.font = `${LABEL}px ${getComputedStyle(root).fontFamily}`;
  stage.setAttribute("aria-label", header.text.label);
  view.hint.textContent = header.text.hint;
  drawControls(view);
  draw(view);
}

function drawControls(view) {
  const { header, blocks, block, scale } = view;
  const { text } = header;
  view.tabs.setAttribute("aria-label", text.blocks);
  const titles = blocks.map(({ id, title }) => ({ id, label: title }));
  segmented(view.tabs, "tab", titles, block.id, (id) => showBlock(view, id));
  view.scales.setAttribute("aria-label", text.scale);
  const scales = SCALES.map((id) => ({ id, label: text[`scale-${id}`] }));
  segmented(view.scales, "radio", scales, scale, (id) => showScale(view, id));
  view.button.textContent = view.enlarged ? text.back : text.enlarge;
  view.button.onclick = () => view.enlarge(view.enlarged ? null : startPoint(view));
  drawBar(view.bar, view.palette.lut, header.scales[scale], text[`bar-${scale}`]);
  sayUnusual(view.note, block.values, text);
}

function draw(view) {
  const { block, root, header, enlarged } = view;
  const width = Math.max(200, root.clientWidth);
  view.layout = enlarged
    ? enlargedLayout(block, enlarged, width, measuring(view))
    : gridLayout(block, width, header.text);
  paintHeads(view);
  paintMarks(view);
  sayPoint(view);
}

function measuring(view) {
  const context = view.base.getContext("2d");
  return (label) => {
    context.font = view.font;
    return context.measureText(label).width;
  };
}

function showBlock(view, id) {
  view.block = view.blocks.find((block) => block.id === id);
  view.point = null;
  view.lit = { rows: [], columns: [] };
  if (view.enlarged && !exists(view.block, view.enlarged)) view.enlarged = null;
  drawControls(view);
  draw(view);
}

function showScale(view, scale) {
  view.scale = scale;
  drawControls(view);
  draw(view);
}

function enlarge(view, head) {
  view.enlarged = head && { layer: head.layer, head: head.head };
  view.point = null;
  drawControls(view);
  draw(view);
}

function setPoint(view, point) {
  const names = ["layer", "head", "row", "col"];
  if (names.every((name) => view.point?.[name] === point?.[name])) return;
  view.point = point;
  view.lit = { rows: [], columns: [] };
  paintMarks(view);
  sayPoint(view);
  announce(view.id, view.block, point?.row ?? null, point?.col ?? null);
}

function light(view, detail) {
  view.lit = litBy(detail, view.block);
  view.point = null;
  paintMarks(view);
  sayPoint(view);
}

/** A cell was chosen in another picture. */
function follow(view, selection) {
  view.selection = selection;
  view.point = null;
  paintMarks(view);
  sayPoint(view);
}

function select(view, point) {
  if (!point) return;
  view.selection = { block: view.block.id, ...point };
  view.setPoint(point);
  paintMarks(view);
  view.report("select", view.selection);
}

/** The line above the heads: the cell pointed at, else the chosen one, else what to do. */
function sayPoint({ block, point, selection, header, readout }) {
  const chosen = selection?.block === block.id ? selection : null;
  const { layer, head, row, col } = point ?? chosen ?? {};
  const { text } = header;
  if (!(row < block.rows.length && col < block.columns.length)) {
    readout.textContent = text.rest;
    return;
  }
  const weight = weightsOf(block, { layer, head })[row * block.columns.length + col];
  say(readout, `<weight> ${text.readout} <place>`, {
    weight: span("weight", digits(weight, text.nan)),
    row: span("token", block.rows[row]),
    column: span("token", block.columns[col]),
    place: span("place", text.place.replace("<layer>", layer).replace("<head>", head)),
  });
}
