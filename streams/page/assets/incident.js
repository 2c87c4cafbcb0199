// One incident: what it is, why it has its severity, what happened, what it is seen by, and what is like it.

import { incidentButtons } from "./actions.js";
import { el, empty, panel, severity } from "./dom.js";
import { both, count, instant, local, nowS, number, span, unitOf, utc, words, zone } from "./format.js";
import { approvalItem, ownerText, scopeText, silencedText, textsPanel } from "./now.js";
import { LEGEND, marksOf, plotAll } from "./plot.js";
import { itemRow } from "./items.js";
import { get } from "./server.js";
import { changed } from "./services.js";

const ON_A_PHONE = 4; // plots that are drawn there at first, so that one gets to the timeline and the runbook

const link = (one) => el("a", { href: `#/incident/${encodeURIComponent(one.id)}` }, one.title ?? one.id);

export async function loadIncident(id) {
  return get(`page/incidents/${encodeURIComponent(id)}`);
}

export function showIncident(main, one, query) {
  const plots = el("div", { class: "plots" });
  const all = one.plots.filter((each) => each.value.some((value) => value !== null));
  const shown = query.get("all") || !matchMedia("(max-width: 640px)").matches ? all : all.slice(0, ON_A_PHONE);
  main.replaceChildren(head(one),
    el("div", { class: "columns about" },
      el("div", { class: "stack" }, waiting(one),
        el("div", { class: "stack seen" },
          panel("Series", LEGEND, shown.length ? plots : empty("No window of the evidence has a value: what is missing cannot be drawn."),
            all.length > shown.length ? el("p", { class: "empty" }, el("a", { href: changed(query, "all", "1") }, `Show all ${all.length}`)) : null),
          timeline(one)),
        remedies(one)),
      el("div", { class: "stack" }, runbooks(one), facts(one), factors(one), relations(one), review(one))), evidence(one));
  plotAll(plots, shown, marksOf(one));
}

// What waits for people stands first, also on a phone.
function waiting(one) {
  const asked = one.requests.filter((each) => ["requested", "approved"].includes(each.state));
  return [asked.length ? panel("Waiting for approval", "", asked.map((each) => approvalItem(each, false))) : null, one.texts.length ? textsPanel(one.texts) : null];
}

function head(one) {
  const over = one.state === "resolved";
  const age = over ? `took ${span(one.resolved_at_s - one.onset_at_s)}` : ["open for ", el("span", { "data-since": one.opened_at_s }, span(nowS() - one.opened_at_s))];
  return el("div", { class: "incident-head" },
    el("div", { class: "line" }, severity(one.severity), el("h1", {}, one.title)),
    el("div", { class: "line soft" },
      el("span", { class: over ? "good" : "bad" }, words(one.state) + (one.ended ? ` (${one.ended})` : "")),
      el("span", { class: "num" }, age), el("span", {}, ownerText(one)),
      one.silenced_by ? el("span", { class: "tag" }, silencedText(one)) : null,
      el("span", { class: "tag" }, one.id)),
    el("div", { class: "buttons" }, incidentButtons(one)));
}

function facts(one) {
  const end = one.expected_end;
  const pairs = [
    ["scope", scopeText(one)], ...one.siblings.map(siblingsText), ["category", words(one.category)],
    ["onset (estimated)", both(one.onset_at_s)], ["opened", both(one.opened_at_s)],
    ["resolved", one.resolved_at_s === null ? "not yet" : both(one.resolved_at_s)],
    ["severity", [one.opened_severity ? `${one.opened_severity} at first, ` : "", `${one.severity} now, ${one.peak_severity} at its worst`]],
    ["expected end", end ? `${instant(end.median_s)}; between ${instant(end.low_s)} and ${instant(end.high_s)} in ${Math.round(end.confidence * 100)} % of ${count(end.count, "similar case")}` : one.state === "resolved" ? "it is over" : "unknown: too few similar incidents"],
    ["escalation", one.escalation ? `${one.escalation.words}: ${one.escalation.reason}` : "none"],
    ["configuration", el("code", {}, one.config_hash.slice(0, 12) || "unknown")],
  ];
  for (const [stage, time] of Object.entries(one.stage_times)) pairs.push([`time to ${words(stage)}`, time.value_s === null ? words(time.status) : span(time.value_s)]);
  return panel("Facts", "", el("div", { class: "body" }, el("dl", { class: "pairs" }, pairs.map(([name, value]) => [el("dt", {}, name), el("dd", { class: "num" }, value)]))));
}

// During the incident, by what is known of the last minutes.
function siblingsText({ part, alarmed, quiet }) {
  const listed = (names) => names.length ? names.join(", ") : "none";
  return [`${part}s`, `alarmed: ${listed(alarmed)}; not: ${listed(quiet)}`];
}

function factors(one) {
  return panel(`Why ${one.severity}`, "points", one.factors.length ? el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, "reason"), el("th", { class: "num" }, "points"))),
    el("tbody", {}, one.factors.map((each) => el("tr", {}, el("td", {}, each.text, el("div", { class: "soft" }, words(each.name))),
      el("td", { class: "num" }, each.weight === 0 ? "0" : `${each.weight > 0 ? "+" : ""}${number(each.weight)}`))))) : empty("No factor is on record."));
}

function timeline(one) {
  return panel("Timeline", one.timeline.length ? `from ${both(one.timeline[0].at_s)}` : "", el("ol", { class: "timeline" }, one.timeline.map((each) => el("li", { class: `kind-${each.kind}` },
    el("time", { class: "soft", title: both(each.at_s), datetime: new Date(each.at_s * 1000).toISOString() }, zone() === "UTC" ? utc(each.at_s) : [local(each.at_s), el("div", {}, utc(each.at_s))]),
    el("span", { class: "event" }, each.words, each.who ? el("div", { class: "soft by" }, `by ${each.who}`) : null),
    el("span", { class: "what" }, each.what, each.why ? el("div", { class: "soft" }, each.why) : null)))));
}

function evidence(one) {
  const from = (records) => records.map((each) => `${each.topic}[${each.partition ?? "?"}] ${each.start}-${each.end - 1}`).join(", ") || "unknown";
  return panel("Evidence", count(one.evidence.length, "window"), el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Evidence table" }, el("table", {},
    el("thead", {}, el("tr", {}, el("th", { class: "num" }, "window"), ["series", "detector"].map((name) => el("th", {}, name)), ["value", "expected", "level", "samples"].map((name) => el("th", { class: "num" }, name)), el("th", {}, "records"))),
    el("tbody", {}, one.evidence.map((each) => el("tr", {}, el("td", { class: "num", title: both(each.end_s) }, instant(each.end_s)),
      el("td", {}, each.metric, el("div", { class: "soft" }, each.scope)), el("td", {}, each.detector), el("td", { class: "num" }, number(each.value, unitOf(each.metric))),
      el("td", { class: "num" }, number(each.expected, unitOf(each.metric))), el("td", { class: "num" }, number(each.level)), el("td", { class: "num" }, String(each.samples)), el("td", { class: "soft" }, from(each.records))))))));
}

function remedies(one) {
  const judged = new Map(one.remedies.map((each) => [each.key, each]));
  if (!one.all_actions.length) return panel("Actions", "", empty("Nothing was decided for this incident."));
  return panel("Actions", count(one.all_actions.length, "decision"), one.all_actions.map((each) => el("div", { class: "item" },
    el("strong", {}, `${each.undo ? "undo " : ""}${words(each.kind)} ${each.target}`), " ", el("span", { class: "tag" }, each.words), " ", el("span", { class: "soft num" }, instant(each.done_at_s ?? each.decided_at_s)),
    each.by.length ? ` approved by ${each.by.join(", ")}` : "", each.detail ? el("p", { class: "soft" }, each.detail) : null,
    judged.has(each.key) ? el("p", { class: judged.get(each.key).state === "recovered" ? "good" : "" }, `${judged.get(each.key).words}: ${judged.get(each.key).detail}`) : null)));
}

function relations(one) {
  const items = [
    ...one.related.map((each) => el("div", { class: "item" }, el("span", { class: "soft" }, `${words(each.relation)} `), link(each))),
    ...one.similar.map((each) => el("div", { class: "item" }, severity(each.severity), " ", link(each),
      el("p", { class: "soft num" }, `${instant(each.opened_at_s, true)}, took ${span(each.took_s)}; ${each.helped.length ? `helped: ${each.helped.join(", ")}` : "nothing is known to have helped"}`))),
  ];
  return panel("Related and similar", "", items.length ? items : empty("No related and no similar incident is on record."));
}

// Only an address of the web is a link: what people wrote as a place is text.
const place = (text) => /^https?:\/\//.test(text) ? el("a", { href: text, rel: "noreferrer noopener" }, text) : text;

function review(one) {
  const found = one.review;
  const about = found ? el("div", { class: "item" },
    el("div", {}, el("span", { class: `tag ${found.state === "published" ? "good" : "warn"}` }, words(found.state)), " ", el("span", { class: "soft num", title: both(found.changed_at_s) }, `by ${found.by}, ${instant(found.changed_at_s, true)}`)),
    found.is_automatic ? el("p", {}, "Recorded after the end, without a person. Its text is written by ", el("code", {}, `tocsin review draft ${one.id}`), ".")
      : el("p", {}, found.place ? place(found.place) : "No place is on record."), found.summary ? el("pre", { class: "runbook" }, found.summary) : el("p", { class: "soft" }, "It has no summary yet."))
    : empty(one.state === "resolved" ? "No review is on record yet." : "None yet: a review is written after the end.");
  return panel("Review", one.items.length ? count(one.items.length, "action item") : "", about, one.items.map((each) => itemRow(each)));
}

function runbooks(one) {
  return panel("Runbook", "", one.runbooks.length ? one.runbooks.map((each) => el("div", { class: "item" }, el("div", { class: "soft" }, each.playbook), el("pre", { class: "runbook" }, each.text)))
    : empty("The playbooks of this incident have no runbook."));
}
