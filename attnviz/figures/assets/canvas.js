// What every picture on a canvas needs: the right number of pixels, texts, frames.

/** Empties `canvas` and returns its context, in CSS pixels. */
function prepared(canvas, { width, height }) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return context;
}

function paintText(context, { text, x, y, align, angle = 0, most }, colour, font) {
  context.save();
  context.translate(x, y);
  context.rotate(angle);
  context.font = font;
  context.fillStyle = colour;
  context.textAlign = align;
  context.fillText(shortened(context, String(text), most), 0, 0);
  context.restore();
}

function shortened(context, text, most = Infinity) {
  if (context.measureText(text).width <= most) return text;
  const characters = [...text];
  while (characters.length && context.measureText(`${characters.join("")}…`).width > most) {
    characters.pop();
  }
  return `${characters.join("")}…`;
}

function outline(context, rects, colour, width) {
  context.beginPath();
  for (const { x, y, w, h } of rects) context.rect(x, y, w, h);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
}

function grown({ x, y, w, h }, by) {
  return { x: x - by, y: y - by, w: w + 2 * by, h: h + 2 * by };
}
