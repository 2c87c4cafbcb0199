// The services that are watched, and one service: its series with bands, its parts by level, how its sources deliver.

import { watchButton } from "./actions.js";
import { el, empty, panel } from "./dom.js";
import { count, instant, nowS, number, span, unitOf, words } from "./format.js";
import { incidentRow } from "./now.js";
import { LEGEND, plotAll } from "./plot.js";
import { get } from "./server.js";

const SHOWN = 8;
const COLUMNS = 60;

export const loadServices = () => get("page/services");

export function loadService(service, query) {
  return get(`page/service?${new URLSearchParams({ service, model: query.get("model") ?? "", find: query.get("find") ?? "" })}`);
}

export const serviceKey = (service, query) => `service/${service}/${query.get("model") ?? ""}`;

const address = (one) => `#/service/${encodeURIComponent(one.service)}${one.model ? `?${new URLSearchParams({ model: one.model })}` : ""}`;
const nameOf = (one) => `${one.service}${one.model ? `, model ${one.model}` : ""}`;

const STALE_S = 120; // much longer than windows are told apart, and than any scrape

// Without newer windows nothing is known of now: the service is silent, or nobody watches it.
const isStale = (one) => nowS() - one.at_s > STALE_S;

function levelText(one) {
  if (isStale(one)) return el("span", { class: "bad" }, "no windows for ", el("span", { "data-since": one.at_s }, span(nowS() - one.at_s)));
  if (one.level === null) return el("span", { class: "soft" }, "warming up");
  return el("span", { class: one.level >= 1 ? "bad" : "" }, `level ${number(one.level)} ${one.metric ?? ""}`);
}

function stateText(one) {
  return `${count(one.series, "series", "series")}${one.warming ? `, ${one.warming} warming up` : ""}${one.silent ? `, ${one.silent} silent` : ""}`;
}

export function showServices(main, found) {
  const total = found.services.reduce((sum, one) => sum + one.series, 0);
  main.replaceChildren(
    el("div", { class: "headline" }, el("h1", {}, found.services.length ? `Watching ${total} series of ${count(found.services.length, "service")}` : "No service was heard of yet"),
      el("p", {}, "the highest level first; from level 1 on a window is an alarm")),
    panel("Services", "", found.services.length ? found.services.map((one) => el("a", { class: "row service-row", href: address(one) },
      el("div", {}, el("div", { class: "title" }, nameOf(one)), el("div", { class: "facts num" }, el("span", {}, stateText(one)), el("span", {}, "windows until ", el("span", { "data-since": one.at_s }, span(nowS() - one.at_s)), " ago"))),
      el("div", { class: "num" }, levelText(one)), el("div", { class: one.open ? "bad num" : "good num" }, one.open ? count(one.open, "open incident") : "no incident")))
      : empty("A service shows here some seconds after its first records.")));
}

export function showService(main, found, query) {
  const wanted = (query.get("find") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const fits = found.plots.filter((one) => wanted.every((word) => `${one.metric} ${one.scope} ${one.detector ?? ""}`.toLowerCase().includes(word)));
  const shown = fits.slice(0, query.get("all") ? undefined : SHOWN);
  const plots = el("div", { class: "plots" });
  main.replaceChildren(...[
    el("div", { class: "headline" }, el("h1", {}, nameOf(found)), el("p", { class: "num" }, `${stateText(found)}; `, levelText(found))),
    found.incidents.length ? panel("Open incidents", count(found.incidents.length, "incident"), el("div", { class: "rows" }, found.incidents.map(incidentRow))) : null,
    el("div", { class: "columns" },
      el("div", { class: "stack" }, panel("Series", `${shown.length} of ${found.plots.length} that are drawn, highest level first`, search(query),
        shown.length ? plots : empty("No series that is drawn fits; all are listed below."), el("p", { class: "empty" }, LEGEND),
        fits.length > shown.length ? el("p", { class: "empty" }, el("a", { href: changed(query, "all", "1") }, `Show all ${fits.length}`)) : null), listed(found)),
      el("div", { class: "stack" }, heat(found), speaking(found), cadence(found)))].filter((one) => one !== null));
  plotAll(plots, shown, found.incidents.flatMap((one) => [[one.onset_at_s, "onset", "--level"]]).filter(([at]) => shown.length && at >= shown[0].at_s[0]));
}

export function changed(query, name, value) {
  const next = new URLSearchParams(query);
  if (value) next.set(name, value); else next.delete(name);
  return `${location.hash.split("?")[0]}?${next}`;
}

function search(query) {
  const field = el("input", { type: "search", name: "find", value: query.get("find") ?? "", placeholder: "metric, replica, detector", size: 28, maxlength: 80 });
  const form = el("form", { class: "filters inner", role: "search" }, el("label", {}, "Find series", field), el("button", { type: "submit" }, "Find"));
  form.addEventListener("submit", (event) => { event.preventDefault(); location.hash = changed(query, "find", field.value.trim()); });
  return form;
}

// Every series by its newest window, also those of which no windows are published.
function listed(found) {
  const name = (one) => [one.metric, el("div", { class: "soft" }, one.part ? one.part.replace("/", " ") : "whole service")];
  const more = found.fitting - found.listed.length;
  const note = found.listed_s === null ? "" : `${found.fitting} of ${found.series} fit and had windows lately; as of ${instant(found.listed_s)}`;
  if (!found.listed.length) return panel("All series", note, empty(found.listed_s === null ? "They are told once a minute." : "No series with windows in the last minute fits."));
  return panel("All series", note, el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "All series" }, el("table", { class: "listed" },
    el("thead", {}, el("tr", {}, el("th", {}, "series"), ["value", "level"].map((text) => el("th", { class: "num" }, text)), el("th", {}, "drawn"))),
    el("tbody", {}, found.listed.map((one) => el("tr", {}, el("td", {}, name(one)), el("td", { class: "num" }, number(one.value, unitOf(one.metric))),
      el("td", { class: `num ${one.level >= 1 ? "bad" : ""}` }, one.level === null ? "warming up" : number(one.level)),
      el("td", { class: "soft" }, one.is_drawn ? "above" : ["not published ", watchButton(found.service, found.model, one)])))))),
    more > 0 ? empty(`${more} more fit; search for a metric or a part.`) : null);
}

// A table, so that it can be read without colours; a darker cell is a higher level.
function heat(found) {
  const { at_s: at, parts } = found.heat;
  if (!parts.length) return panel("Versions and replicas", "", empty("The records of this service name no version and no replica."));
  const from = Math.max(0, at.length - COLUMNS);
  const cell = (level, index) => el("i", { class: `heat ${shade(level)}`, title: `${instant(at[from + index])}: ${level === null ? "no level" : `level ${number(level)}`}` });
  return panel("Versions and replicas", at.length ? `highest level of each 15 s, ${instant(at[from])} to ${instant(at.at(-1))}` : "", el("div", { class: "scroll heat-scroll", tabindex: "0", role: "region", "aria-label": "Levels of versions and replicas" },
    el("table", { class: "heats" }, el("thead", {}, el("tr", {}, el("th", {}, "part"), el("th", {}, "over time"), el("th", { class: "num" }, "last"))),
      el("tbody", {}, parts.map((one) => el("tr", {}, el("td", {}, el("span", { class: "soft" }, `${one.part} `), one.name),
        el("td", {}, el("span", { class: "heat-line", "aria-hidden": "true" }, one.level.slice(from).map(cell))),
        el("td", { class: `num ${(one.level.at(-1) ?? 0) >= 1 ? "bad" : ""}` }, one.level.at(-1) === null || one.level.at(-1) === undefined ? "none" : number(one.level.at(-1)))))))));
}

function shade(level) {
  if (level === null || level === undefined) return "heat-none";
  return level >= 1 ? "heat-4" : level >= 0.75 ? "heat-3" : level >= 0.5 ? "heat-2" : level >= 0.25 ? "heat-1" : "heat-0";
}

function speaking(found) {
  const by = new Map();
  for (const one of isStale(found) ? [] : found.plots) if (one.is_current && (one.level.at(-1) ?? 0) >= 0.5) by.set(one.detector, [...(by.get(one.detector) ?? []), one]);
  return panel("Detectors near an alarm", "level 0.5 and more; 1 is an alarm", by.size ? [...by].map(([name, series]) => el("div", { class: "item" }, el("strong", {}, words(name ?? "none")),
    series.map((one) => el("p", { class: "num" }, `${one.metric} `, el("span", { class: "soft" }, one.scope), ` level ${number(one.level.at(-1))}`)))) : empty(isStale(found) ? "The service has no windows of late." : "No detector is near an alarm."));
}

function cadence(found) {
  return panel("How its sources deliver", "learned", found.sources.length ? el("div", { class: "body" }, el("dl", { class: "pairs" }, found.sources.map((one) => [
    el("dt", {}, one.topic), el("dd", { class: "num" }, `delivered within ${number(one.delay_s, "s")}, out of order by up to ${number(one.lateness_s, "s")}`)]))) : empty("Nothing is known of its sources."));
}
