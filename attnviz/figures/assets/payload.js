/** Reads what attnviz/figures/payload.py packed: {header, arrays: [{shape, values}]}. */
function unpack(bytes) {
  const whole = bytes.slice(); // Streamlit's view may start at any byte, Float32Array needs 4 n
  const start = 4 + new DataView(whole.buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(whole.subarray(4, start)));
  const arrays = header.arrays.map(({ shape, offset }) => {
    const count = shape.reduce((product, size) => product * size, 1);
    return { shape, values: new Float32Array(whole.buffer, start + offset, count) };
  });
  return { header, arrays };
}

function sameBytes(old, data) {
  if (old?.length !== data.length) return false;
  for (let i = 0; i < data.length; i++) if (data[i] !== old[i]) return false; // every() is slower
  return true;
}

/** Four significant digits, as attnviz/figures/number.py writes them; `nan` stands for a gap. */
function digits(value, nan) {
  if (Number.isNaN(value)) return nan;
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const [mantissa, exponent] = value.toExponential(3).split("e");
  const power = Number(exponent);
  const plain = power >= -4 && power < 4;
  const padded = `${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  const written = plain ? value.toFixed(3 - power) : `${mantissa}e${padded}`;
  return written.replaceAll("-", "−");
}

/** The fewest digits that stand for this float32 and no other: nothing is rounded away. */
function exact(value, nan) {
  if (!Number.isFinite(value)) return digits(value, nan);
  let short = value;
  for (let n = 1; n <= 9; n++) {
    short = Number(value.toPrecision(n));
    if (Math.fround(short) === value) break;
  }
  return String(short).replaceAll("-", "−");
}
