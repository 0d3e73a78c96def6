"use strict";
// Curves as SVG: small ones below values.

const SVG = "http://www.w3.org/2000/svg";

/** Draws points [[time, value], …] into an `<svg>` of 100 × 32, `until`: where the curve is thin from. */
function drawCurve(svg, points, until) {
  const width = 100, height = 32;
  let [line, cursor] = svg.children;
  if (!line) {
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.append((line = document.createElementNS(SVG, "path")), (cursor = document.createElementNS(SVG, "path")));
    line.setAttribute("class", "curve"); cursor.setAttribute("class", "cursor");
  }
  if (points.length < 2) { line.setAttribute("d", ""); cursor.setAttribute("d", ""); return; }
  const from = points[0][0], span = points[points.length - 1][0] - from || 1;
  let low = Infinity, high = -Infinity;
  for (const [, value] of points) { low = Math.min(low, value); high = Math.max(high, value); }
  if (low >= 0 && low < high / 2) low = 0;
  const range = high - low || 1;
  const x = (time) => ((time - from) / span) * width, y = (value) => height - 2 - ((value - low) / range) * (height - 4);
  const every = Math.max(1, Math.floor(points.length / 300));
  let path = "", before = null;
  points.forEach(([time, value], n) => {
    if (n % every && n !== points.length - 1) return;
    path += before === null ? `M${x(time).toFixed(1)},${y(value).toFixed(1)}` : `L${x(time).toFixed(1)},${y(value).toFixed(1)}`;
    before = value;
  });
  line.setAttribute("d", path);
  cursor.setAttribute("d", until !== null && until <= from + span ? `M${x(Math.max(from, until)).toFixed(1)},0V${height}` : "");
}
