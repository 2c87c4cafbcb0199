// What is in force, since when, the last reload, and what another configuration would change on a recording.

import { el, empty, panel, severity } from "./dom.js";
import { both, count, instant, words } from "./format.js";
import { get, send } from "./server.js";

export const loadConfiguration = () => get("page/configuration");

export function showConfiguration(main, found) {
  main.replaceChildren(
    el("div", { class: "headline" }, el("h1", {}, "Configuration in force"), el("p", { class: "num" }, `since ${both(found.since_s)}, `, el("code", {}, found.hash.slice(0, 12)))),
    el("div", { class: "columns" },
      el("div", { class: "stack" }, panel("Settings", "secrets are hidden", found.sections.map((one) => el("details", { class: "section" }, el("summary", {}, one.name), el("pre", { tabindex: "0", "aria-label": one.name }, one.text))))),
      el("div", { class: "stack" }, reload(found.reload), compare(found.choices))));
}

function reload(last) {
  if (!last) return panel("Last reload", "", empty("The file has not changed since the start."));
  const text = { applied: "taken over", partial: "taken over in part", unchanged: "nothing changed in behaviour", invalid: "refused" }[last.result] ?? last.result;
  return panel("Last reload", instant(last.at_s, true), el("div", { class: "item" }, el("strong", { class: last.result === "invalid" ? "bad" : last.result === "partial" ? "warn" : "good" }, text), last.notes.map((one) => el("p", {}, one))),
    last.changes.map((one) => el("div", { class: "item" }, el("code", {}, one.path), el("p", { class: "soft" }, `${shown(one.before)} is now ${shown(one.after)}`))),
    last.more_changes ? empty(`and ${last.more_changes} more settings`) : null);
}

const shown = (value) => value === null ? "nothing" : typeof value === "string" ? value : JSON.stringify(value);

function compare({ recordings, configurations }) {
  if (!recordings.length || !configurations.length) return panel("Compare", "", empty("Put recordings and configurations (*.yaml) into the folder respond.comparisons to compare them here."));
  const pick = (name, all) => el("select", { name }, all.map((one) => el("option", { value: one }, one)));
  const result = el("div", { role: "status" });
  const button = el("button", { type: "submit", class: "primary" }, "Compare");
  const form = el("form", { class: "filters inner" }, el("label", {}, "Configuration", pick("configuration", configurations)), el("label", {}, "on the recording", pick("recording", recordings)), button);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    result.replaceChildren(empty("It runs beside everything else, and may take minutes."));
    try {
      result.replaceChildren(...differences(await send("POST", "page/configuration/compare", Object.fromEntries(new FormData(form)))));
    } catch (error) {
      result.replaceChildren(el("p", { class: "empty bad" }, error.message));
    }
    button.disabled = false;
  });
  return panel("Compare with what is in the file", "", form, result);
}

function differences(found) {
  const kind = (one) => el("span", { class: "tag" }, one.kind);
  const why = (one) => [one.reason ? el("p", { class: "soft" }, one.reason) : null, one.fields.map((each) => el("p", { class: "num" }, `${words(each.name)}: ${shown(each.old)} becomes ${shown(each.new)}`, each.reason ? el("span", { class: "soft" }, ` (${each.reason})`) : null))];
  return [el("p", { class: "empty" }, found.same ? "Nothing would change: " : "", `${count(found.same_incidents, "incident")} and ${count(found.same_actions, "action")} are the same`),
    ...found.incidents.map((one) => el("div", { class: "item" }, kind(one), " ", severity(one.severity), " ", el("strong", {}, one.title), " ", el("span", { class: "soft num" }, instant(one.opened_at_s, true)), why(one))),
    ...found.actions.map((one) => el("div", { class: "item" }, kind(one), " ", el("strong", {}, `${one.undo ? "undo " : ""}${words(one.action)} ${one.target}`), el("span", { class: "soft" }, ` ${one.mode}`), why(one)))];
}
