// Pictures light up together: each tells the window which tokens it points at, and marks what the
// others point at. A picture is {block, rowGroups, columnGroups}; groups tell which tokens a row or
// a column stands for, because words may be merged and tokens hidden.

const HOVER = "attnviz:hover";
const CHOSEN = "attnviz:chosen";

/** Which text the rows (queries) and the columns (keys) of a block come from. */
const SIDES = {
  "encoder.self": { row: "source", column: "source" },
  "decoder.self": { row: "target", column: "target" },
  "decoder.cross": { row: "target", column: "source" },
  tokens: { row: "target", column: "source" }, // the chips: each token a row or a column of its own
};

/** Tells the others what is pointed at; `row` and `column` are null where there is none. */
function announce(from, picture, row, column) {
  const tokens = { source: [], target: [] };
  const sides = SIDES[picture.block];
  if (sides && row !== null) tokens[sides.row].push(...picture.rowGroups[row]);
  if (sides && column !== null) tokens[sides.column].push(...picture.columnGroups[column]);
  const detail = { block: picture.block, row, column, ...tokens, from };
  window.dispatchEvent(new CustomEvent(HOVER, { detail }));
}

/**
 * Calls `onHover(detail)` when another picture than `from` is pointed at, once a frame: the picture
 * under the pointer must not wait for the others. Returns the way out.
 */
function listen(from, onHover) {
  let latest = null;
  const tell = () => {
    if (latest) onHover(latest);
    latest = null;
  };
  const handler = ({ detail }) => {
    if (!latest) requestAnimationFrame(tell);
    latest = detail.from === from ? null : detail; // what is pointed at here came later: it stays
  };
  window.addEventListener(HOVER, handler);
  return () => window.removeEventListener(HOVER, handler);
}

/** The rows and columns of `picture` that `detail` points at. */
function litBy(detail, picture) {
  if (detail.block === picture.block) {
    return { rows: listed(detail.row), columns: listed(detail.column) };
  }
  const sides = SIDES[picture.block];
  if (!sides) return { rows: [], columns: [] };
  return {
    rows: standingFor(picture.rowGroups, detail[sides.row]),
    columns: standingFor(picture.columnGroups, detail[sides.column]),
  };
}

function listed(index) {
  return index === null ? [] : [index];
}

function standingFor(groups, tokens) {
  return groups.flatMap((group, i) => (group.some((token) => tokens.includes(token)) ? [i] : []));
}

/** Tells the others that a cell {block, layer, head, row, col} was chosen here. */
function tellChosen(from, selection) {
  window.dispatchEvent(new CustomEvent(CHOSEN, { detail: { from, selection } }));
}

/** Calls `onChosen(selection)` when a cell is chosen in another picture. Returns the way out. */
function listenChosen(from, onChosen) {
  const handler = ({ detail }) => detail.from !== from && onChosen(detail.selection);
  window.addEventListener(CHOSEN, handler);
  return () => window.removeEventListener(CHOSEN, handler);
}
