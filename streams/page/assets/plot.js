// A series of the evidence over time, with marks where the incident began, opened and ended, and where something was done.

import { el } from "./dom.js";
import { local, number, unitOf, words } from "./format.js";
import uPlot from "./vendor/uplot.js";

const HEIGHT = 170;

// The frames first, since the width of each depends on how many there are.
export function plotAll(parent, all, incident) {
  const frames = all.map((series) => el("figure", { class: "plot" }, caption(series)));
  parent.replaceChildren(...frames);
  all.forEach((series, index) => plot(frames[index], series, incident));
}

function caption(series) {
  const unit = unitOf(series.metric);
  const last = series.at_s.length - 1;
  return el("figcaption", { class: "num" }, el("strong", {}, series.metric), el("span", { class: "soft" }, ` ${series.scope}`),
    el("div", {}, `${number(series.value[last], unit)}, expected ${number(series.expected[last], unit)}, level ${number(series.level[last])}`));
}

function plot(figure, series, incident) {
  const unit = unitOf(series.metric);
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const marks = [[incident.onset_at_s, "onset", "--level"], [incident.opened_at_s, "opened", "--text"]];
  if (incident.resolved_at_s !== null) marks.push([incident.resolved_at_s, "resolved", "--ok"]);
  for (const act of incident.all_actions) if (act.done_at_s !== null && act.kind !== "notify") marks.push([act.done_at_s, `${act.undo ? "undo " : ""}${words(act.kind)}`, "--link"]);
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") }, font: "11px sans-serif" };
  const points = { show: true, size: 8, fill: colour("--series") };
  const ends = [...series.at_s, ...marks.map(([at]) => at)];
  const low = Math.min(...ends), high = Math.max(...ends), pad = Math.max(2, (high - low) * 0.04);
  const options = {
    width: Math.max(260, figure.clientWidth - 20), height: HEIGHT, legend: { show: false }, cursor: { show: false },
    scales: { x: { time: true, range: [low - pad, high + pad] }, y: { range: (_, min, max) => padded(min, max) } },
    axes: [{ ...axis, space: 90, values: (_, ticks) => ticks.map(local) }, { ...axis, size: 76, values: (_, ticks) => ticks.map((each) => number(each, unit)) }],
    series: [{ label: "time" },
      { label: "value", stroke: colour("--series"), width: 2, points },
      { label: "expected", stroke: colour("--expected"), width: 1.5, dash: [5, 4], points: { show: false } }],
    hooks: { draw: [(u) => drawMarks(u, marks, colour)] },
  };
  const { at_s: at, expected } = series;
  new uPlot(options, [[low - pad, ...at, high + pad], [null, ...series.value, null], [expected[0], ...expected, expected.at(-1)]], figure);
}

function padded(min, max) {
  if (min === null || max === null) return [0, 1];
  const room = (max - min || Math.abs(max) || 1) * 0.15;
  return [min >= 0 ? Math.max(0, min - room) : min - room, max + room];
}

function drawMarks(u, marks, colour) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.font = `${10 * devicePixelRatio}px sans-serif`;
  marks.forEach(([atS, text, name], index) => {
    const x = u.valToPos(atS, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) return;
    ctx.strokeStyle = ctx.fillStyle = colour(name);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const isRight = x > bbox.left + bbox.width * 0.75;
    ctx.textAlign = isRight ? "right" : "left";
    ctx.fillText(text, x + (isRight ? -3 : 3) * devicePixelRatio, bbox.top + (10 + index % 4 * 12) * devicePixelRatio);
  });
  ctx.restore();
}
