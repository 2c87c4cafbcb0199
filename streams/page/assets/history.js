// Past incidents with filters and figures, and the status on one printable page.

import { el, empty, panel, severity, share } from "./dom.js";
import { both, count, instant, nowS, span, utc, words } from "./format.js";
import { itemRow } from "./items.js";
import { isHeld, isJudged, scopeText, silencesNotOver, sorted } from "./now.js";
import { get } from "./server.js";
import { store } from "./store.js";

const PERIODS = [["", "all that is on record"], ["3600", "last hour"], ["86400", "last 24 hours"], ["604800", "last 7 days"]];
const NAMED = 5; // open incidents on the status page, which prints on one sheet
const SILENCES_NAMED = 3;
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
    figure(known.count ? `${Math.round(known.acted / known.count * 100)} %` : "unknown", `had an action that ran (${known.acted})`),
    figure(known.judged ? `${Math.round(known.recovered / known.judged * 100)} %` : "unknown", `of those recovered by it (${known.recovered} of ${known.judged} judged)`));
}

export function showHistory(main, found, query) {
  const all = [["", "all"]];
  main.replaceChildren(
    el("div", { class: "headline" }, el("h1", {}, "History"), el("p", {}, "incidents of the last 30 days, newest first")),
    el("form", { class: "filters", "aria-label": "Filter" }, choice("Opened in", "period", PERIODS, query),
      choice("Service", "service", [...all, ...found.services.map((one) => [one, one])], query),
      choice("Worst severity", "severity", [...all, ...SEVERITIES.map((one) => [one, one])], query),
      choice("Category", "category", [...all, ...found.categories.map((one) => [one, words(one)])], query)),
    figures(found.figures), el("div", { class: "two" }, answered(found.response), targets(found.response), weeks(found.response), causes(found.response)), el("div", { class: "stack" }, actionItems(found),
    panel("Incidents", count(found.incidents.length, "row"), found.incidents.length ? found.incidents.map(row) : empty("No incident fits these filters."))));
}

const scroll = (name, ...parts) => el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": name }, el("table", {}, ...parts));

function answered(known) {
  const { recurred, automation, wrong_escalations: wrong, pages_per_person_week: pages } = known;
  const judged = (value, bad, target) => el("span", { class: value === null ? "soft" : bad ? "bad" : "good" }, share(value), el("span", { class: "soft" }, ` (target ${target})`));
  return panel("How they were answered", "", el("div", { class: "body" }, el("dl", { class: "pairs" },
    el("dt", {}, "came back"), el("dd", { class: "num" }, recurred.whole ? `${recurred.part} of ${recurred.whole} within 7 days` : "unknown"),
    el("dt", {}, "answered by itself"), el("dd", { class: "num" }, judged(automation, automation < known.automation_target, `at least ${share(known.automation_target)}`)),
    el("dt", {}, "wrong escalations"), el("dd", { class: "num" }, judged(wrong, wrong > known.wrong_target, `at most ${share(known.wrong_target)}`)),
    el("dt", {}, "pages a week"), el("dd", { class: "num" }, pages ? Object.entries(pages).sort((a, b) => b[1] - a[1]).map(([name, number_]) => el("div", {}, `${name}: ${number_.toFixed(1)}`)) : "nobody was paged"))));
}

function actionItems(found) {
  const more = found.open_items - found.items.length;
  const address = (one) => el("a", { href: `#/incident/${encodeURIComponent(one.incident_id)}` }, one.incident_title ?? one.incident_id);
  return panel("Open action items", "of all reviews, overdue first", found.items.length ? found.items.map((one) => itemRow(one, address(one)))
    : empty("No action item of a review is open."), more > 0 ? empty(`${more} more are open; tocsin review items list names them all.`) : null);
}

function targets(known) {
  return panel("Targets", "met, missed, not over yet", known.targets.length ? scroll("Targets", el("thead", {}, el("tr", {}, ["severity", "time to"].map((name) => el("th", {}, name)), ["at most", "met", "missed", "open"].map((name) => el("th", { class: "num" }, name)))),
    el("tbody", {}, known.targets.map((one) => el("tr", {}, el("td", {}, severity(one.severity)), el("td", {}, words(one.stage)), el("td", { class: "num" }, span(one.target_s)),
      el("td", { class: "num" }, String(one.met)), el("td", { class: `num ${one.missed ? "bad" : ""}` }, String(one.missed)), el("td", { class: "num" }, String(one.open)))))) : empty("No target is set for these incidents, or none is over."));
}

function weeks(known) {
  return panel("By week", "medians; share within target", known.weeks.length ? scroll("By week", el("thead", {}, el("tr", {}, el("th", {}, "from Monday"), ["incidents", "detect", "in target", "resolve", "in target"].map((name) => el("th", { class: "num" }, name)))),
    el("tbody", {}, known.weeks.map((one) => el("tr", {}, el("td", { class: "when" }, utc(one.week_s, true).slice(0, 10)), [String(one.incidents), span(one.detect_median_s), share(one.detect_met), span(one.resolve_median_s), share(one.resolve_met)].map((text) => el("td", { class: "num" }, text)))))) : empty("No incident fits these filters."));
}

function causes(known) {
  return panel("What comes back", "incidents", known.causes.length ? scroll("What comes back", el("tbody", {}, known.causes.map((one) => el("tr", {}, el("td", {}, words(one.cause)), el("td", { class: "num" }, String(one.count)), el("td", { class: "soft num" }, `last ${instant(one.last_s, true)}`))))) : empty("No cause had two incidents."));
}

function row(one) {
  const took = one.resolved_at_s === null ? "open" : span(one.resolved_at_s - one.onset_at_s);
  return el("a", { class: "row", href: `#/incident/${encodeURIComponent(one.id)}` }, severity(one.peak_severity),
    el("div", {}, el("div", { class: "title" }, one.title), el("div", { class: "facts" }, el("span", {}, scopeText(one)), el("span", {}, words(one.category)))),
    el("div", { class: "who soft num", title: both(one.opened_at_s) }, instant(one.opened_at_s, true)), el("div", { class: "age num" }, took));
}

export function showStatus(main, found) {
  const open = sorted(), more = open.length - NAMED;
  const worst = SEVERITIES.find((name) => open.some((one) => one.severity === name));
  const serious = open.filter((one) => ["P0", "P1"].includes(one.severity));
  const quiet = isJudged() ? "All watched services are as usual." : "No incident is open, but not all services are watched and judged.";
  const line = !open.length ? quiet : serious.length
    ? `${count(serious.length, "serious incident")} ${serious.length === 1 ? "is" : "are"} open; the worst is ${worst}.`
    : `${count(open.length, "lesser incident")} ${open.length === 1 ? "is" : "are"} open; the worst is ${worst}.`;
  const known = found.figures;
  main.replaceChildren(el("div", { class: "report" },
    el("h1", {}, line), el("p", { class: "soft num" }, `As of ${both(nowS())}`),
    el("div", { class: "buttons" }, el("button", { type: "button", onclick: () => window.print() }, "Print")),
    el("section", {}, el("h2", {}, "Now"), open.length ? open.slice(0, NAMED).map((one) => el("div", { class: "item" }, severity(one.severity), " ", el("strong", {}, one.title),
      el("p", {}, `Affected: ${scopeText(one)}. Open for ${span(nowS() - one.opened_at_s)}. ${isHeld(one) ? "Somebody works on it." : "Nobody has taken it yet."} ${one.expected_end
        ? `Expected to end at ${instant(one.expected_end.median_s)}, at the latest at ${instant(one.expected_end.high_s)}.` : "When it ends is not known yet."}`))) : el("p", {}, "No incident is open."),
      more > 0 ? el("p", {}, `${more} more ${more === 1 ? "is" : "are"} open, none of them worse.`) : null),
    el("section", {}, el("h2", {}, "Last 7 days"), figures(known)),
    el("section", {}, el("h2", {}, "Waiting and in force"), el("p", {}, `${count(store.approvals.size, "request")} for approval; ${count(store.texts.size, "text")} to be released; ${store.force.remedies.length === 1 ? "1 remedy" : `${store.force.remedies.length} remedies`} in force; the storm brake is ${store.force.storm_since_s === null ? "released" : "on"}.`),
      silenced())));
}

// Who reads this may wonder why nobody was told.
function silenced() {
  const found = silencesNotOver().filter((one) => one.from_s <= nowS()), more = found.length - SILENCES_NAMED;
  if (!found.length) return el("p", {}, "No silence is in force.");
  return [el("p", {}, `${count(found.length, "silence")} ${found.length === 1 ? "is" : "are"} in force. Nobody is told of incidents of:`),
    el("ul", {}, found.slice(0, SILENCES_NAMED).map((one) => el("li", {}, el("span", { class: "brief" }, `${one.what}; until ${instant(one.until_s, true)}, by ${one.by}${one.comment ? `: ${one.comment}` : ""}`))),
      more > 0 ? el("li", {}, `${more} more, on Now`) : null)];
}
