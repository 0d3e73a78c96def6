"use strict";
// Curves as SVG: small ones below values.

const SVG = "http://www.w3.org/2000/svg";

/** Draws points [[time, value], …] into an `<svg>` of 100 × 32, and what they are meant to be; `until`: the moment shown. */
function drawCurve(svg, points, until, wanted) {
  const width = 100, height = 32;
  let [aim, line, cursor] = svg.children;
  if (!line) {
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.append(...([aim, line, cursor] = [0, 1, 2].map(() => document.createElementNS(SVG, "path"))));
    line.setAttribute("class", "curve"); cursor.setAttribute("class", "cursor"); aim.setAttribute("class", "aim");
  }
  if (points.length < 2) { for (const one of svg.children) one.setAttribute("d", ""); return; }
  const from = points[0][0], span = points[points.length - 1][0] - from || 1;
  let low = Infinity, high = -Infinity;
  for (const [, value] of [...points, ...wanted]) if (value !== null) { low = Math.min(low, value); high = Math.max(high, value); }
  if (low >= 0 && low < high / 2) low = 0;
  const range = high - low || 1;
  const x = (time) => ((time - from) / span) * width, y = (value) => height - 2 - ((value - low) / range) * (height - 4);
  const drawn = (all, stepped) => {
    const every = Math.max(1, Math.floor(all.length / 300));
    let path = "", before = null;
    all.forEach(([time, value], n) => {
      if (n % every && n !== all.length - 1 && value !== null && all[n - 1][1] !== null) return;
      const here = `${x(Math.max(from, time)).toFixed(1)}`;
      if (value === null) path += before === null ? "" : `H${here}`; // nothing is asked for from here on
      else path += before === null ? `M${here},${y(value).toFixed(1)}` : stepped && value !== before ? `L${here},${y(before).toFixed(1)}V${y(value).toFixed(1)}` : `L${here},${y(value).toFixed(1)}`;
      before = value;
    });
    return path;
  };
  line.setAttribute("d", drawn(points, false));
  aim.setAttribute("d", drawn(wanted, true));
  cursor.setAttribute("d", until !== null && until <= from + span ? `M${x(Math.max(from, until)).toFixed(1)},0V${height}` : "");
}
