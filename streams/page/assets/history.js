// Past incidents with filters and figures, and the status on one printable page.

import { el, empty, panel, severity } from "./dom.js";
import { both, count, nowS, span, utc, words } from "./format.js";
import { scopeText } from "./now.js";
import { get } from "./server.js";
import { store } from "./store.js";

const PERIODS = [["", "all that is on record"], ["3600", "last hour"], ["86400", "last 24 hours"], ["604800", "last 7 days"]];
const SEVERITIES = ["P0", "P1", "P2", "P3", "P4"];

export async function loadHistory(query) {
  const asked = new URLSearchParams();
  const period = query.get("period");
  if (period) asked.set("since_s", String(nowS() - Number(period)));
  for (const name of ["service", "severity", "category"]) if (query.get(name)) asked.set(name, query.get(name));
  return get(`page/history?${asked}`);
}

function choice(label, name, options, query) {
  const select = el("select", { name }, options.map(([value, text]) => el("option", { value, selected: query.get(name) === value }, text)));
  select.addEventListener("change", () => {
    const next = new URLSearchParams(query);
    if (select.value) next.set(name, select.value); else next.delete(name);
    location.hash = `#/history?${next}`;
  });
  return el("label", {}, label, select);
}

const figure = (value, text) => el("div", { class: "figure" }, el("b", {}, value), el("span", {}, text));

function figures(known) {
  const of = (stage) => known[stage].count ? span(known[stage].mean_s) : "unknown";
  return el("div", { class: "figures" },
    figure(String(known.count), "incidents"), figure(String(known.open), "of them open"),
    figure(of("detect"), `mean time to detect (${known.detect.count} measured)`),
    figure(of("resolve"), `mean time to resolve (${known.resolve.count} measured)`),
    figure(known.count ? `${Math.round(known.acted / known.count * 100)} %` : "unknown", `had an action (${known.acted})`),
    figure(known.acted ? `${Math.round(known.recovered / known.acted * 100)} %` : "unknown", `of those recovered by it (${known.recovered})`));
}

export function showHistory(main, found, query) {
  const all = [["", "all"]];
  main.replaceChildren(
    el("div", { class: "headline" }, el("h1", {}, "History"), el("p", {}, "incidents of the last 30 days, newest first")),
    el("form", { class: "filters", "aria-label": "Filter" }, choice("Opened in", "period", PERIODS, query),
      choice("Service", "service", [...all, ...found.services.map((one) => [one, one])], query),
      choice("Worst severity", "severity", [...all, ...SEVERITIES.map((one) => [one, one])], query),
      choice("Category", "category", [...all, ...found.categories.map((one) => [one, words(one)])], query)),
    figures(found.figures),
    panel("Incidents", count(found.incidents.length, "row"), found.incidents.length ? found.incidents.map(row) : empty("No incident fits these filters.")));
}

function row(one) {
  const took = one.resolved_at_s === null ? "open" : span(one.resolved_at_s - one.onset_at_s);
  return el("a", { class: "row", href: `#/incident/${encodeURIComponent(one.id)}` }, severity(one.peak_severity),
    el("div", {}, el("div", { class: "title" }, one.title), el("div", { class: "facts" }, el("span", {}, scopeText(one)), el("span", {}, words(one.category)))),
    el("div", { class: "who soft num", title: both(one.opened_at_s) }, utc(one.opened_at_s, true)), el("div", { class: "age num" }, took));
}

export function showStatus(main, found) {
  const open = [...store.incidents.values()];
  const worst = SEVERITIES.find((name) => open.some((one) => one.severity === name));
  const serious = open.filter((one) => ["P0", "P1"].includes(one.severity));
  const line = !open.length ? "All watched services are as usual." : serious.length
    ? `${count(serious.length, "serious incident")} ${serious.length === 1 ? "is" : "are"} being dealt with.`
    : `${count(open.length, "lesser incident")} ${open.length === 1 ? "is" : "are"} open; the worst is ${worst}.`;
  const known = found.figures;
  main.replaceChildren(el("div", { class: "report" },
    el("h1", {}, line), el("p", { class: "soft num" }, `As of ${both(nowS())}`),
    el("div", { class: "buttons" }, el("button", { type: "button", onclick: () => window.print() }, "Print")),
    el("section", {}, el("h2", {}, "Now"), open.length ? open.map((one) => el("div", { class: "item" }, severity(one.severity), " ", el("strong", {}, one.title),
      el("p", {}, `Affected: ${scopeText(one)}. Open for ${span(nowS() - one.opened_at_s)}. ${one.assigned_to || one.acknowledged ? "Somebody works on it." : "Nobody has taken it yet."} ${one.expected_end
        ? `Expected to end at ${utc(one.expected_end.median_s)}, at the latest at ${utc(one.expected_end.high_s)}.` : "When it ends is not known yet."}`))) : el("p", {}, "No incident is open.")),
    el("section", {}, el("h2", {}, "Last 7 days"), figures(known)),
    el("section", {}, el("h2", {}, "Waiting and in force"), el("p", {}, `${count(store.approvals.size, "request")} for approval; ${store.force.remedies.length === 1 ? "1 remedy" : `${store.force.remedies.length} remedies`} in force; the storm brake is ${store.force.storm_since_s === null ? "released" : "on"}.`))));
}
