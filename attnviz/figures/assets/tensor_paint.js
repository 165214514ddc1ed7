// A matrix on two canvases: below its colours and numbers, above its labels and what is marked.

const MASKED = 256; // the level after the ramp: ±∞ is no shade of the scale
const LEAST_LINED = 12; // pixels: smaller cells have no lines between them
const NUMBERS = { height: 14, two: 30, four: 52 };

/** The page's colours, and those of both scales: {lut, gap, inks}, with an ink for each colour. */
function tensorPalette(root, colours) {
  const style = getComputedStyle(root);
  const [line, masked] = ["--line", "--masked"].map((name) => style.getPropertyValue(name).trim());
  const page = paletteOf(root, colours);
  const shades = (ramp) => {
    const lut = Uint32Array.of(...ramp, packed(rgb(masked)));
    return { lut, gap: page.gap, inks: inksOn(lut, page) };
  };
  return { ...page, line, linear: shades(page.lut), diverging: shades(ramp(colours.diverging)) };
}

function paintPicture({ picture, layout, base }, palette, family) {
  const context = prepared(base, layout);
  const levels = picture.scale && levelsBetween(picture.values, picture.scale);
  const shade = palette[picture.shades];
  if (levels) paintColours(context, picture, layout, levels, shade);
  paintLines(context, picture, layout, levels ? palette.paper : palette.line);
  if (layout.cell.w >= NUMBERS.two && layout.cell.h >= NUMBERS.height) {
    const inkOf = (i) => (levels ? shade.inks[levels[i]] : palette.ink);
    paintNumbers(context, picture, layout, inkOf, family);
  }
  const font = `${layout.font}px ${family}`;
  for (const title of layout.texts) paintText(context, title, palette.muted, font);
}

/** Where each value lies between the ends of the scale, 0..255; MASKED or GAP where nowhere. */
function levelsBetween(values, { low, high }) {
  const levels = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const isMasked = Math.abs(values[i]) === Infinity;
    levels[i] = isMasked ? MASKED : levelOf((values[i] - low) / (high - low), "linear");
  }
  return levels;
}

/** One pixel a cell, scaled up; every pixel for itself where some are hatched. */
function paintColours(context, picture, { box }, levels, shade) {
  const ratio = window.devicePixelRatio || 1;
  const isHatched = levels.includes(GAP);
  const pixels = (size, cells) => {
    const full = Math.max(1, Math.round(size * ratio));
    return isHatched ? full : Math.min(full, cells);
  };
  const [w, h] = [pixels(box.w, picture.columns.length), pixels(box.h, picture.rows.length)];
  const middle = picture.scale.low < 0 ? 127.5 : 0;
  const canvas = new OffscreenCanvas(w, h);
  canvas.getContext("2d").putImageData(raster(levels, picture, w, h, shade, middle), 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(canvas, box.x, box.y, box.w, box.h);
}

function paintLines(context, { rows, columns }, { box, cell }, colour) {
  context.fillStyle = colour;
  const [x, y, right, bottom] = [box.x, box.y, box.x + box.w, box.y + box.h];
  if (cell.w >= LEAST_LINED) {
    for (let i = 0; i <= columns.length; i++) context.fillRect(x + i * cell.w, y, 1, box.h);
  }
  if (cell.h >= LEAST_LINED) {
    for (let i = 0; i <= rows.length; i++) context.fillRect(x, y + i * cell.h, right - x, 1);
  }
}

function paintNumbers(context, { values, columns, scale }, { box, cell, font }, inkOf, family) {
  const write = scale ? (cell.w >= NUMBERS.four ? digits : twoDecimals) : exact;
  context.font = `${Math.min(font, Math.max(10, cell.w / 3.4))}px ${family}`;
  context.textAlign = "center";
  for (let i = 0; i < values.length; i++) {
    const [row, column] = [Math.floor(i / columns.length), i % columns.length];
    const [x, y] = [box.x + (column + 0.5) * cell.w, box.y + (row + 0.5) * cell.h + font * 0.36];
    context.fillStyle = inkOf(i);
    context.fillText(write(values[i], ""), x, y, cell.w - 3);
  }
}

function twoDecimals(value, nan) {
  if (!Number.isFinite(value)) return digits(value, nan);
  const size = Math.abs(value);
  const written = size < 1e5 ? value.toFixed(size < 100 ? 2 : 0) : value.toExponential(0);
  return written.replace("+", "").replaceAll("-", "−");
}

/** What is chosen, in a frame; the cell pointed at, in a thin one; labels, theirs in bold. */
function paintMarks({ picture, layout, marks }, palette, family, { chosen, point }) {
  const context = prepared(marks, layout);
  if (chosen) frame(context, palette, chosenRect(picture, layout, chosen), 2);
  if (point) {
    frame(context, palette, visible(cellRect(picture, layout.box, point.row, point.column)), 1);
  }
  const named = point ?? chosen;
  const font = `${layout.font}px ${family}`;
  paintLabels(context, palette, font, layout.rows, named?.row ?? null);
  paintLabels(context, palette, font, layout.columns, named?.column ?? null);
}

/** A line around, and lines of the other colour along it: one of them stands out on any ground. */
function frame(context, palette, rect, width) {
  const along = [grown(rect, width + 0.75)];
  if (Math.min(rect.w, rect.h) >= LEAST_LINED) along.push(grown(rect, -0.75));
  outline(context, along, palette.paper, 1.5);
  outline(context, [grown(rect, width / 2)], palette.ink, width);
}

/** A cell, or where the row or the column is null, all of them. */
function chosenRect(picture, { box }, { row, column }) {
  const isCell = row !== null && column !== null;
  return visible(isCell ? cellRect(picture, box, row, column) : band(picture, box, row, column));
}

/** The labels of one axis; those too close to the one that is named give way to it. */
function paintLabels(context, palette, font, { shown, needed, size, textOf }, named) {
  for (const i of shown) {
    if (named !== null && Math.abs(i - named) * size < needed) continue;
    paintText(context, textOf(i), palette.muted, font);
  }
  if (named !== null && shown.length) paintText(context, textOf(named), palette.ink, `600 ${font}`);
}
