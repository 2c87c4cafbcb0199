// The first view: what is open, what waits, what is in force, who is on call, how Tocsin itself is.

import { approvalButtons, remedyButtons, silenceButtons, silenceOf, stormButtons, textButtons } from "./actions.js";
import { el, empty, panel, severity } from "./dom.js";
import { both, count, instant, nowS, span, words } from "./format.js";
import { store } from "./store.js";

const ORDER = ["P0", "P1", "P2", "P3", "P4"];
const SHOWN = 200;

export function sorted() {
  return [...store.incidents.values()].sort(
    (a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity) || a.opened_at_s - b.opened_at_s);
}

export function showNow(main) {
  const incidents = sorted();
  main.replaceChildren(
    ...problems(), headline(incidents),
    el("div", { class: "columns" },
      el("div", { class: "stack" }, approvals(), texts(), openIncidents(incidents)),
      el("div", { class: "stack" }, inForce(), silences(), onCall(), health())));
}

function problems() {
  return store.health.complaints.map((one) => el("div", { class: "banner", role: "alert" },
    el("strong", {}, "Tocsin itself: "), one));
}

function headline(incidents) {
  const waiting = waitingText();
  if (!incidents.length) {
    const ended = store.quiet.last_resolved_s;
    const last = ended === null ? "None is on record." : `The last one ended ${span(nowS() - ended)} ago.`;
    return el("div", { class: "headline" }, el("h1", {}, quietText()),
      el("p", { class: "num" }, `${last} ${waiting}`));
  }
  const parts = ORDER.map((name) => [name, incidents.filter((one) => one.severity === name).length])
    .filter(([, number]) => number).map(([name, number]) => `${number} ${name}`);
  return el("div", { class: "headline" },
    el("h1", {}, `${count(incidents.length, "incident")} open: ${parts.join(", ")}`),
    el("p", {}, waiting));
}

// Whether anything is judged, and all of it can be relied on.
export function isJudged() {
  return isWell() && store.health.series > store.health.warming;
}

// Quiet means something only where something is judged.
function quietText() {
  const { series, warming } = store.health;
  if (!isWell()) return "No incident is open, but Tocsin itself has a problem";
  if (!series) return "No incident is open, and no service is watched yet";
  if (warming >= series) return "No incident is open, and all series still warm up: nothing is judged yet";
  return `Quiet: no incident is open${warming ? `; ${warming} of ${series} series still ${warming === 1 ? "warms" : "warm"} up` : ""}`;
}

// What waits for people, in a sentence.
function waitingText() {
  const parts = [[store.approvals.size, "request for approval", "requests for approval"], [store.texts.size, "text to be released", "texts to be released"]]
    .filter(([number]) => number).map(([number, one, many]) => count(number, one, many));
  if (!parts.length) return "Nothing waits for approval or release.";
  return `${parts.join(" and ")} ${store.approvals.size + store.texts.size === 1 ? "waits" : "wait"} for people.`;
}

// Whether what is shown can be relied on: silence means something only then.
export function isWell() {
  return !store.health.complaints.length && !store.health.telemetry_incidents.length;
}

function openIncidents(incidents) {
  if (!incidents.length) return panel("Open incidents", "none", empty(isJudged()
    ? "No service deviates from what is usual for it." : "Nobody can say so of what is not watched or not judged yet."));
  const more = incidents.length - SHOWN;
  return panel("Open incidents", `by severity, oldest first`, el("div", { class: "rows" }, incidents.slice(0, SHOWN).map(incidentRow)),
    more > 0 ? empty(`${more} more are open; see History for all.`) : null);
}

export function scopeText(one) {
  const parts = Object.entries(one.scope).filter(([name]) => name !== "model").map(([name, value]) => `${name} ${value}`);
  return `${one.service}${one.scope.model ? `, model ${one.scope.model}` : ""}${parts.length ? `, ${parts.join(", ")}` : ", whole service"}`;
}

// Whether somebody has taken an incident: a role, or an acknowledgement that lasts.
export const isHeld = (one) => Boolean(one.owners.length || one.commander || one.scribe || one.acknowledged);

export function ownerText(one) {
  const held = [["commander", one.commander], ["scribe", one.scribe], [one.owners.length > 1 ? "owners" : "owner", one.owners.join(", ")]];
  const named = held.filter(([, who]) => who).map(([role, who]) => `${role} ${who}`);
  if (one.acknowledged) named.push(`acknowledged by ${one.acknowledged.by} until ${instant(one.acknowledged.until_s)}`);
  return isHeld(one) ? named.join(", ") : one.state === "resolved" ? "nobody took it" : "nobody has it";
}

function doneText(one) {
  const done = one.actions.map((act) => `${act.undo ? "undo " : ""}${words(act.kind)} ${act.target}: ${act.words}`);
  return done.length ? done.slice(-2).join("; ") : "no action";
}

export function incidentRow(one) {
  const texts = [...store.texts.values()].filter((each) => each.incident_id === one.id).length;
  const paged = one.escalation?.paged ?? [];
  return el("a", { class: "row", href: `#/incident/${encodeURIComponent(one.id)}`, "data-id": one.id },
    severity(one.severity),
    el("div", {},
      el("div", { class: "title" }, one.title),
      el("div", { class: "facts" }, el("span", {}, scopeText(one)), el("span", {}, words(one.category)), el("span", {}, doneText(one)),
        one.silenced_by ? el("span", { class: "tag" }, silencedText(one)) : null,
        one.state === "flapping" ? el("span", { class: "tag" }, "flapping") : null,
        one.caused_by.length ? el("span", { class: "tag" }, "effect of another incident") : null,
        one.expected_end ? el("span", {}, `expected end ${instant(one.expected_end.median_s)}`) : null)),
    el("div", { class: "who" },
      el("div", { class: isHeld(one) ? "" : "soft" }, ownerText(one)),
      one.waiting.length ? el("div", { class: "waits" }, `${count(one.waiting.length, "approval waits", "approvals wait")}`) : null,
      texts ? el("div", { class: "waits" }, `${count(texts, "text")} to be released`) : null,
      paged.length ? el("div", { class: "soft" }, `paged: ${paged.join(", ")}`) : null),
    el("div", { class: "age num" }, el("time", { "data-since": one.opened_at_s, title: both(one.opened_at_s) }, span(nowS() - one.opened_at_s))));
}

function approvals() {
  const waiting = [...store.approvals.values()].sort((a, b) => a.expires_at_s - b.expires_at_s);
  if (!waiting.length) return null;
  const shown = panel("Waiting for approval", `${waiting.length}`, waiting.map((one) => approvalItem(one)));
  shown.classList.add("alert");
  return shown;
}

function texts() {
  const waiting = [...store.texts.values()].sort((a, b) => a.since_s - b.since_s);
  return waiting.length ? textsPanel(waiting, (one) => el("a", { href: `#/incident/${encodeURIComponent(one.incident_id)}` }, one.incident_title ?? one.incident_id)) : null;
}

// Texts that wait for a person. link: to what each is about, null for nothing.
export function textsPanel(waiting, link = null) {
  const shown = panel("Waiting to be released", count(waiting.length, "text"), waiting.map((one) => el("div", { class: "item", "data-text": one.digest },
    el("div", {}, one.severity ? severity(one.severity) : null, " ", el("strong", {}, `Text for ${one.audience}: ${words(one.event)}`), " ",
      el("span", { class: "warn num", title: both(one.since_s) }, "waits for ", el("span", { "data-since": one.since_s }, span(nowS() - one.since_s)))),
    el("p", { class: "soft" }, `to ${one.to.join(", ")}; needs the role ${one.roles.join(" or ")}; text `, el("code", {}, one.digest)),
    el("blockquote", { class: "told" }, el("strong", {}, one.title), el("pre", { class: "runbook" }, one.text)),
    el("div", { class: "buttons" }, textButtons(one), link?.(one)))));
  shown.classList.add("alert");
  return shown;
}

// isLinked: to its incident, where that is not what is shown.
export function approvalItem(one, isLinked = true) {
  return el("div", { class: "item", "data-key": one.key },
    el("div", {}, one.severity ? severity(one.severity) : null, " ",
      el("strong", {}, `${one.undo ? "undo " : ""}${words(one.kind)} ${one.target}`), " ",
      el("span", { class: "warn num" }, one.state === "approved" ? "approved, about to run" : ["expires in ",
        el("span", { "data-until": one.expires_at_s }, span(one.expires_at_s - nowS()))])),
    el("p", {}, one.why),
    el("dl", { class: "pairs" }, one.explained.map(([name, text]) => [el("dt", { class: "name" }, name), el("dd", {}, text)])),
    el("p", { class: "soft" }, `${one.approvals} of ${count(one.count, "approval")} given; needs the role ${one.roles.join(" or ")}${one.four_eyes ? ", four eyes" : ""}`,
      one.via.length ? `, by ${one.via.join(" or ")}` : "", one.playbook ? `; playbook ${one.playbook}` : ""),
    one.given.map((each) => el("p", { class: "soft" }, `${each.by}: ${words(each.verb)}${each.comment ? `, "${each.comment}"` : ""}`)),
    el("div", { class: "buttons" }, approvalButtons(one),
      isLinked ? el("a", { href: `#/incident/${encodeURIComponent(one.incident_id)}` }, "incident") : null));
}

function inForce() {
  const { storm_since_s: storm, remedies } = store.force;
  return panel("In force at targets", `${remedies.length}`,
    storm === null ? null : el("div", { class: "item" }, el("strong", { class: "bad" }, "The storm brake is on"),
      el("p", {}, `Since ${instant(storm)}: nothing acts by itself until an approver resets it.`), el("div", { class: "buttons" }, stormButtons())),
    remedies.length ? remedies.map(remedyItem) : empty("No remedy is in force; no circuit breaker is open."),
    storm === null ? el("p", { class: "empty" }, "The storm brake is released.") : null);
}

export const silencesNotOver = () => store.force.silences.filter((one) => one.until_s > nowS());

// Those in force and to come: nobody is told of what they cover, also of incidents that have not begun yet.
function silences() {
  const shown = silencesNotOver();
  if (!shown.length) return null;
  return panel("Silences", `${shown.length}`, shown.map((one) => el("div", { class: "item", "data-key": one.id }, el("strong", {}, one.what), " ",
    el("span", { class: "tag warn" }, one.from_s > nowS() ? "to come" : "nobody is told"),
    el("p", { class: "soft num" }, one.from_s > nowS() ? `from ${instant(one.from_s, true)} ` : "", `until ${instant(one.until_s, true)}, by ${one.by}`),
    one.comment ? el("p", {}, one.comment) : null,
    one.service === null ? el("p", { class: "soft" }, "It may cover several services, so it is ended by ", el("code", {}, `tocsin control expire ${one.id}`), ".") : null,
    el("div", { class: "buttons" }, silenceButtons(one)))));
}

// Who silences an incident, until when and why. A maintenance window is set by the configuration.
export function silencedText(one) {
  const known = silenceOf(one), window = one.maintenance;
  if (window) return `silenced by the maintenance window ${window.name} of the configuration${window.until_s === null ? "" : ` until ${instant(window.until_s, true)}`}`;
  return known ? `silenced by ${known.by} until ${instant(known.until_s)}${known.comment ? `: ${known.comment}` : ""}` : `silenced by ${one.silenced_by}`;
}

function remedyItem(one) {
  const breaker = one.breaker ? `breaker ${words(one.breaker.state)}` : one.is_judged ? "is being verified" : words(one.state);
  return el("div", { class: "item", "data-key": `${one.kind}/${one.target}` },
    el("strong", {}, `${words(one.kind)} ${one.target}`), " ", el("span", { class: "tag" }, breaker),
    one.sure ? null : [" ", el("span", { class: "tag warn" }, "may not have run")],
    one.is_kept ? el("p", { class: "soft" }, "stays until a person takes it back")
      : one.awaits ? el("p", { class: "soft num" }, one.awaits, one.breaker.until_s === null ? "" : [" That is in ", el("span", { "data-until": one.breaker.until_s }, span(one.breaker.until_s - nowS())), "."],
        ` It is taken back at ${instant(one.hold_until_s)} at the latest.`)
      : one.undo_when === "never" ? el("p", { class: "soft" }, "is not taken back by itself")
      : el("p", { class: "soft num" }, "ends in ", el("span", { "data-until": one.hold_until_s }, span(one.hold_until_s - nowS())),
        ` at the latest (${instant(one.hold_until_s)})`),
    one.is_judged ? el("p", { class: "soft" }, "Whether it helps is not known yet.") : null,
    el("p", {}, one.reason), el("div", { class: "buttons" }, remedyButtons(one)));
}

function onCall() {
  if (!store.on_call.length) return panel("On call", "", empty("No on-call schedule is configured."));
  return panel("On call", "", el("div", { class: "body" }, el("dl", { class: "pairs" }, store.on_call.map((one) => [
    el("dt", { class: "name" }, one.schedule), el("dd", { title: one.reason }, one.person ?? el("span", { class: "bad" }, `nobody: ${one.reason}`),
      one.until_s === null ? null : el("span", { class: "soft num", title: both(one.until_s) }, ` until ${instant(one.until_s, true)}`))]))));
}

function health() {
  const { complaints, newest_s: newest, telemetry_incidents: blind, shards, owners: owned = [] } = store.health;
  const judged = owned.reduce((newest, one) => Math.max(newest ?? 0, one.evaluated_until_s ?? 0) || null, null);
  return panel("Tocsin itself", "", el("div", { class: "body" }, el("dl", { class: "pairs" },
    el("dt", {}, "state"), el("dd", { class: isWell() ? "good" : "bad" }, isWell() ? "well" : count(complaints.length + blind.length, "problem")),
    el("dt", {}, "watching"), el("dd", { class: "num" }, watched()),
    el("dt", {}, "windows"), el("dd", { class: "num" }, judged === null ? shards ? `of ${count(shards, "shard")}` : "no shard was heard of"
      : [`of ${count(shards || owned.length, "shard")}, judged until `, el("span", { "data-since": judged }, span(nowS() - judged)), " ago"]),
    el("dt", {}, "newest record"), el("dd", { class: "num" }, newest === null ? "none was read yet"
      : [el("span", { "data-since": newest }, span(nowS() - newest)), " ago, of an incident or action"]),
    el("dt", {}, "still to be read"), el("dd", { class: "num" }, store.unread === null ? "unknown" : count(store.unread, "record")),
    el("dt", {}, "monitoring"), el("dd", {}, blind.length ? el("span", { class: "bad" }, `${count(blind.length, "incident")} of telemetry open`) : "no incident of telemetry"),
    owners(),
    el("dt", {}, "on record"), el("dd", { class: "num" }, `${count(store.quiet.known, "incident")} of ${count(store.quiet.services, "service")}, 30 d`))));
}

function owners() {
  const { owners: all, dropped, dropped_since_s: since, dead, channels } = store.health;
  if (!all?.length) return null;
  const lost = all.filter((one) => nowS() - one.at_s > store.health.alone_s), blind = all.filter((one) => one.blind_s >= 1);
  const behind = (one) => (lost.includes(one) ? nowS() : one.at_s) - one.evaluated_until_s;
  const lag = Math.max(...all.map((one) => one.evaluated_until_s === null ? 0 : behind(one)));
  const listed = (counts) => Object.entries(counts).map(([name, number_]) => `${number_} ${words(name)}`).join(", ");
  return [
    el("dt", {}, "workers"), el("dd", { class: "num" }, `${count(new Set(all.map((one) => one.worker)).size, "worker")} for ${count(all.length, "shard")}`,
      lost.map((one) => el("div", { class: "bad" }, `shard ${one.shard}: nothing from ${one.worker} for `, el("span", { "data-since": one.at_s }, span(nowS() - one.at_s)))),
      blind.map((one) => el("div", { class: "bad" }, `shard ${one.shard}: ${one.worker} is blind since ${instant(one.at_s - one.blind_s)}`))),
    el("dt", {}, "lag"), el("dd", { class: "num" }, `windows are judged ${span(lag)} behind at most`),
    el("dt", {}, "dropped inputs"), el("dd", { class: "num" }, Object.keys(dropped).length ? el("span", { class: "warn" }, `${listed(dropped)} since ${instant(since, true)}`) : "none"),
    el("dt", {}, "dead letters"), el("dd", { class: "num" }, Object.keys(dead).length ? el("span", { class: "warn" }, `${listed(dead)} since ${instant(since, true)}`) : "none"),
    el("dt", {}, "channels"), el("dd", { class: "num" }, channels.length ? channels.map((one) => el("div", {}, `${one.channel}: ${one.sent} sent`,
      one.waiting ? `, ${one.waiting} waiting` : "", one.retrying ? el("span", { class: "warn" }, `, ${one.retrying} retrying`) : "",
      one.failed ? el("span", { class: "bad", title: one.failure?.reason }, `, ${one.failed} failed, last ${instant(one.failure?.at_s)}: ${one.failure?.reason}`) : "")) : "nothing was sent by a channel")];
}

function watched() {
  const { services, series, warming, silent } = store.health;
  if (!services) return "no service was heard of yet";
  const notes = [warming ? `${warming} warming up` : "", silent ? `${silent} silent` : ""].filter(Boolean).join(", ");
  return el("a", { href: "#/services" }, `${series} series of ${count(services, "service")}${notes ? ` (${notes})` : ""}`);
}

// Ages and remaining times go on between changes.
export function tick(root) {
  for (const one of root.querySelectorAll("[data-since]")) one.textContent = span(nowS() - Number(one.dataset.since));
  for (const one of root.querySelectorAll("[data-until]")) one.textContent = span(Number(one.dataset.until) - nowS());
}
