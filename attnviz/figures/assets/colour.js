// Colours come from the page (CSS variables) and from Python (header.colours): none is named here.

/** {level -> colour, and the page's own colours}, for the theme that `root` stands in. */
function paletteOf(root, colours) {
  const style = getComputedStyle(root);
  const named = (name) => style.getPropertyValue(name).trim();
  const [ink, paper, accent, muted] = ["--ink", "--paper", "--accent", "--muted"].map(named);
  const anchors = brightness(paper) < 0.5 ? colours.dark : colours.light;
  const gap = [packed(rgb(muted)), packed(rgb(paper))];
  return { ink, paper, accent, muted, lut: ramp(anchors), gap };
}

/** 256 colours along the anchors, packed for ImageData. */
function ramp(anchors) {
  const stops = anchors.map(rgb);
  return Uint32Array.from({ length: 256 }, (_, level) => {
    const at = (level / 255) * (stops.length - 1);
    const low = Math.min(Math.floor(at), stops.length - 2);
    return packed(stops[low].map((c, i) => Math.round(c + (at - low) * (stops[low + 1][i] - c))));
  });
}

const channels = new Map(); // a page has few colours, and reading one back from a canvas is slow

/** Red, green and blue 0..255 of any CSS colour: the canvas knows how to read them all. */
function rgb(colour) {
  if (!channels.has(colour)) channels.set(colour, readBack(colour));
  return channels.get(colour);
}

function readBack(colour) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const context = canvas.getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

function packed([red, green, blue]) {
  return (255 << 24) | (blue << 16) | (green << 8) | red; // ImageData is RGBA, little-endian
}

function unpacked(colour) {
  return [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
}

function css(colour) {
  return `rgb(${unpacked(colour).join(" ")})`;
}

function brightness(colour) {
  const [red, green, blue] = rgb(colour);
  return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
}

/** For each packed colour the page's ink or its paper: what stands out more (WCAG 2 contrast). */
function inksOn(lut, { ink, paper }) {
  const [inkLight, paperLight] = [ink, paper].map((colour) => luminance(rgb(colour)));
  const balance = Math.sqrt((inkLight + 0.05) * (paperLight + 0.05)) - 0.05;
  const onBright = inkLight < paperLight ? ink : paper;
  const onDark = onBright === ink ? paper : ink;
  return Array.from(lut, (colour) => (luminance(unpacked(colour)) > balance ? onBright : onDark));
}

/** Relative luminance of sRGB channels 0..255. */
function luminance(rgb) {
  const [red, green, blue] = rgb.map((channel) => {
    const part = channel / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Where each weight of one head lies on the scale, 0..255; GAP where it is not a number. */
function levelsOf(values, rows, columns, scale) {
  const levels = new Uint16Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    const most = scale === "row" ? largest(values, start, start + columns) || 1 : 1;
    for (let i = start; i < start + columns; i++) {
      levels[i] = levelOf(values[i] / most, scale);
    }
  }
  return levels;
}

const GAP = 65535;

function levelOf(value, scale) {
  if (Number.isNaN(value)) return GAP;
  const part = Math.min(1, Math.max(0, value));
  return Math.round(255 * (scale === "sqrt" ? Math.sqrt(part) : part));
}

function largest(values, start, end) {
  let most = 0;
  for (let i = start; i < end; i++) if (values[i] > most) most = values[i];
  return most;
}

/** How many values lie outside the scale by more than rounding, and how many are not a number. */
function unusual(values, low, high) {
  let [outside, gaps] = [0, 0];
  for (const value of values) {
    if (Number.isNaN(value)) gaps++;
    else if (value < low - 1e-6 || value > high + 1e-6) outside++;
  }
  return { outside, gaps };
}

/** What has to be said of values that the scale cannot show. */
function sayUnusual(element, values, text, { low, high } = { low: 0, high: 1 }) {
  const { outside, gaps } = unusual(values, low, high);
  const sentences = [
    ...(outside ? [text.clipped.replace("<count>", outside)] : []),
    ...(gaps ? [text.gaps.replace("<count>", gaps)] : []),
  ];
  element.textContent = sentences.join(" ");
}

/** The colour bar: the whole scale, its ticks (0..1 along it), and what is measured. */
function drawBar(holder, lut, { ticks, labels }, caption = "") {
  holder.replaceChildren();
  const canvas = add(holder, "canvas", "ramp", { width: 256, height: 1, "aria-hidden": "true" });
  const image = new ImageData(256, 1);
  new Uint32Array(image.data.buffer).set(lut.subarray(0, 256));
  canvas.getContext("2d").putImageData(image, 0, 0);
  const row = add(holder, "div", "ticks");
  ticks.forEach((tick, i) => {
    add(row, "span", "", { style: `left: ${100 * tick}%` }).textContent = labels[i];
  });
  if (caption) add(holder, "div", "caption").textContent = caption;
}
