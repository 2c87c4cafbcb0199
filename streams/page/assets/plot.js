// A series over time: value, expected band and level, with marks where something happened.

import { el } from "./dom.js";
import { instant, local, number, unitOf, words } from "./format.js";
import uPlot from "./vendor/uplot.js";

export const LEGEND = "line: value; dashes: expected; band: no alarm; below: level, alarm from 1";
const HEIGHT = 150;
const LEVEL_HEIGHT = 62;
const MOST = 10; // a higher level is drawn as this one
const MARKED = 2; // onset and opening are always in sight
const ROWS = 7; // of the names of marks, so that none is printed over another
const FEW = 40; // so few windows are drawn as dots too

// [seconds, text, colour] for each mark of an incident.
export function marksOf(incident) {
  const marks = [[incident.onset_at_s, "onset", "--level"], [incident.opened_at_s, "opened", "--text"]];
  if (incident.resolved_at_s !== null) marks.push([incident.resolved_at_s, "resolved", "--ok"]);
  for (const act of incident.all_actions) {
    if (act.ran && act.done_at_s !== null && act.kind !== "notify") marks.push([act.done_at_s, `${act.undo ? "undo " : ""}${words(act.kind)}`, "--link"]);
  }
  return marks;
}

// The frames first, since the width of each depends on how many there are.
export function plotAll(parent, all, marks) {
  const frames = all.map((series) => el("figure", { class: "plot" }, caption(series)));
  parent.replaceChildren(...frames);
  all.forEach((series, index) => plot(frames[index], series, marks));
}

function caption(series) {
  const says = series.warm ? series.detector ? `highest: ${words(series.detector)}` : "no detector" : "warming up";
  return el("figcaption", { class: "num" }, el("strong", {}, series.metric), el("span", { class: "soft" }, ` ${series.scope}`),
    el("div", { class: "readout" }, readout(series, series.at_s.length - 1)),
    el("div", { class: "soft" }, says, series.gap_s ? `; a window every ${number(series.gap_s, "s")}` : "", series.is_current === false ? "; no newer windows" : ""));
}

function readout(series, at) {
  const unit = unitOf(series.metric);
  const [low, high] = [series.low[at], series.high[at]];
  const band = low !== null && high !== null ? ` (${number(low, unit)} to ${number(high, unit)})` : high !== null ? ` (up to ${number(high, unit)})` : low !== null ? ` (from ${number(low, unit)})` : "";
  return `${instant(series.at_s[at])}: ${number(series.value[at], unit)}, expected ${number(series.expected[at], unit)}${band}, level ${number(series.level[at])}`;
}

// The columns with a gap where windows are missing, so that no line is drawn there.
function columnsOf(series) {
  const { at_s: at } = series;
  const steps = at.slice(1).map((one, index) => one - at[index]).sort((a, b) => a - b);
  const usual = steps[Math.floor(steps.length / 2)] || 1;
  const drawn = [...series.value, ...series.expected, ...series.low, ...series.high].filter((one) => one !== null);
  const bottom = Math.min(0, ...drawn), top = Math.max(...drawn) + (Math.max(...drawn) - Math.min(...drawn)) * 0.12;
  const made = [[], [], [], [], [], []];
  at.forEach((one, index) => {
    if (index && one - at[index - 1] > 5 * usual) [at[index - 1] + usual, null, null, null, null, null].forEach((value, column) => made[column].push(value));
    const [low, high] = [series.low[index], series.high[index]];
    const level = series.level[index];
    [one, series.value[index], series.expected[index], low ?? (high === null ? null : bottom), high ?? (low === null ? null : top), level === null ? null : Math.min(level, MOST)]
      .forEach((value, column) => made[column].push(value));
  });
  return made;
}

function plot(figure, series, marks) {
  const unit = unitOf(series.metric);
  const colour = (name) => { // as it is in the theme of the page, which a canvas does not know
    figure.style.color = `var(${name})`;
    const found = getComputedStyle(figure).color;
    figure.style.color = "";
    return found;
  };
  const [at, value, expected, low, high, level] = columnsOf(series);
  const ends = [at[0], at.at(-1), ...marks.slice(0, MARKED).map(([when]) => when)];
  const from = Math.min(...ends), until = Math.max(...ends), pad = Math.max(2, (until - from) * 0.03);
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") }, font: "11px sans-serif" };
  const left = 58 + 6 * unit.length;
  const few = at.length <= FEW;
  const none = { show: false };
  const common = {
    width: Math.max(260, figure.clientWidth - 20), legend: none, padding: [6, 28, 0, 0],
    cursor: { sync: { key: figure.querySelector("strong").textContent + series.scope }, drag: { x: false, y: false }, points: none, y: false },
  };
  const x = { time: true, range: [from - pad, until + pad] };
  const line = figure.querySelector(".readout");
  const read = (u) => { if (u.cursor.idx !== null && value[u.cursor.idx] !== null) line.textContent = readout(series, series.at_s.indexOf(at[u.cursor.idx])); };
  new uPlot({
    ...common, height: HEIGHT, scales: { x, y: { range: rangeOf(value, expected, low, high) } },
    axes: [{ ...axis, size: 6, values: () => [] }, { ...axis, size: left, values: (_, ticks) => ticks.map((each) => number(each, unit)) }],
    bands: [{ series: [4, 3], fill: colour("--band") }],
    series: [{}, { stroke: colour("--series"), width: 2, points: { show: few, size: 7, fill: colour("--series") } },
      { stroke: colour("--expected"), width: 1.5, dash: [5, 4], points: none },
      { stroke: "transparent", width: 0, points: none }, { stroke: "transparent", width: 0, points: none }],
    hooks: { draw: [(u) => drawMarks(u, marks, colour, true)], setCursor: [read] },
  }, [at, value, expected, low, high], figure);
  new uPlot({
    ...common, height: LEVEL_HEIGHT, scales: { x, y: { range: (_, __, max) => [0, Math.max(1.4, max ?? 0)] } },
    axes: [{ ...axis, space: 90, size: 28, values: (_, ticks) => ticks.map(local) }, { ...axis, size: left, space: 16, splits: () => [1], values: () => ["level 1"] }],
    series: [{}, { stroke: colour("--level"), width: 1.5, fill: colour("--level-fill"), points: { show: few, size: 4, fill: colour("--level") } }],
    hooks: { draw: [(u) => drawMarks(u, marks, colour, false)] },
  }, [at, level], figure);
}

// From the values; of a band that was wide while the series was young only what is usual.
function rangeOf(value, expected, low, high) {
  const known = (all) => all.filter((one) => one !== null).sort((a, b) => a - b);
  const middle = (all) => known(all).slice(Math.floor(known(all).length / 2))[0];
  const all = [...known(value), ...known(expected), middle(low), middle(high)].filter((one) => one !== undefined);
  if (!all.length) return [0, 1];
  const min = all.reduce((a, b) => Math.min(a, b)), max = all.reduce((a, b) => Math.max(a, b));
  const room = (max - min || Math.abs(max) || 1) * 0.12;
  return [min >= 0 ? Math.max(0, min - room) : min - room, max + room];
}

function drawMarks(u, marks, colour, named) {
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
    if (!named) return;
    const isRight = x > bbox.left + bbox.width * 0.75;
    ctx.textAlign = "left";
    const width = ctx.measureText(text).width, start = isRight ? x - width - 3 * devicePixelRatio : x + 3 * devicePixelRatio;
    const bottom = bbox.top + (10 + index % ROWS * 12) * devicePixelRatio;
    ctx.fillStyle = colour("--panel"); // so that it can be read over the line of the series
    ctx.fillRect(start - devicePixelRatio, bottom - 9 * devicePixelRatio, width + 2 * devicePixelRatio, 11 * devicePixelRatio);
    ctx.fillStyle = colour(name);
    ctx.fillText(text, start, bottom);
  });
  ctx.restore();
}
