// A Plotly chart takes part: a click chooses a cell, and what is pointed at lights up here and in
// the other pictures. Plotly reports no click on a heatmap, so the place is read from its axes. The
// component itself draws nothing; the chart is the element of the page with the key `chart`.

const views = new WeakMap();
const STILL = 5; // pixels: a pointer that moved further was dragging

export default function plot({ data, parentElement, setTriggerValue }) {
  const view = views.get(parentElement) ?? create(parentElement);
  views.set(parentElement, view);
  view.report = setTriggerValue;
  view.picture = data;
  return () => close(views, parentElement);
}

function create(parentElement) {
  const root = add(parentElement, "span", "attnviz plot");
  const view = { root, id: crypto.getRandomValues(new Uint32Array(1))[0], down: null, cell: null };
  const handlers = {
    pointermove: (event) => pointAt(view, event),
    pointerdown: (event) => { view.down = cellAt(view, event) && [event.clientX, event.clientY]; },
    pointerup: (event) => choose(view, event),
  };
  for (const [name, handler] of Object.entries(handlers)) {
    document.addEventListener(name, handler, { capture: true });
  }
  const stopListening = listen(view.id, (detail) => mark(view, litBy(detail, view.picture)));
  view.stopListening = () => {
    stopListening();
    for (const [name, handler] of Object.entries(handlers)) {
      document.removeEventListener(name, handler, { capture: true });
    }
  };
  return view;
}

function chartOf(view) {
  const chart = document.querySelector(`.st-key-${view.picture.chart} .js-plotly-plot`);
  return chart?._fullLayout?.xaxis?.p2d ? chart : null;
}

/** The row and column under the pointer, null outside the cells. */
function cellAt(view, event) {
  const { picture } = view;
  const chart = chartOf(view);
  if (!chart) return null;
  const box = chart.getBoundingClientRect();
  const { xaxis, yaxis } = chart._fullLayout;
  const x = event.clientX - box.left - xaxis._offset;
  const y = event.clientY - box.top - yaxis._offset;
  if (x < 0 || y < 0 || x >= xaxis._length || y >= yaxis._length) return null;
  const down = Math.round(yaxis.p2d(y));
  if (picture.bars) return { row: picture.row, col: picture.bars[down] ?? null };
  return { row: down, col: Math.round(xaxis.p2d(x)) };
}

function pointAt(view, event) {
  const cell = cellAt(view, event);
  if (cell?.row === view.cell?.row && cell?.col === view.cell?.col) return;
  view.cell = cell;
  mark(view, { rows: [], columns: [] });
  announce(view.id, view.picture, cell?.row ?? null, cell?.col ?? null);
}

function choose(view, event) {
  const { down, picture } = view;
  const cell = cellAt(view, event);
  view.down = null;
  if (!down || !cell || cell.col === null) return;
  if (Math.hypot(event.clientX - down[0], event.clientY - down[1]) > STILL) return;
  const { block, layer, head } = picture;
  const selection = { block, layer, head, ...cell };
  tellChosen(view.id, selection);
  view.report("select", selection);
}

/** Frames the rows and columns that another picture points at. */
function mark(view, { rows, columns }) {
  const chart = chartOf(view);
  if (!chart) return;
  chart.querySelector(".attnviz-lit")?.remove();
  const { xaxis, yaxis } = chart._fullLayout;
  const { bars } = view.picture;
  const across = bars ? [] : columns;
  const down = bars ? bars.flatMap((col, i) => (columns.includes(col) ? [i] : [])) : rows;
  if (!across.length && !down.length) return;
  const group = svg(chart.querySelector("svg.main-svg"), "g", { class: "attnviz-lit" });
  const frame = (x, y, width, height) =>
    svg(group, "rect", {
      ...{ x, y, width, height, fill: "none", "pointer-events": "none" },
      ...{ stroke: getComputedStyle(view.root).getPropertyValue("--st-primary-color") },
      ...{ "stroke-width": 2, rx: 2 },
    });
  const span = (axis, i) => [axis._offset + Math.min(axis.d2p(i - 0.5), axis.d2p(i + 0.5)),
    Math.abs(axis.d2p(i + 0.5) - axis.d2p(i - 0.5))];
  for (const i of across) {
    const [x, width] = span(xaxis, i);
    frame(x, yaxis._offset, width, yaxis._length);
  }
  for (const i of down) {
    const [y, height] = span(yaxis, i);
    frame(xaxis._offset, y, xaxis._length, height);
  }
}

function svg(parent, tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  parent.append(element);
  return element;
}
