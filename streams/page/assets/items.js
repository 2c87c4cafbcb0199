// Action items of reviews: what is to be done after an incident, by whom, until when.

import { itemButtons } from "./actions.js";
import { el } from "./dom.js";
import { both, words } from "./format.js";

const KINDS = { overdue: "bad", done: "good", open: "warn" };

// link: to the incident, null for nothing.
export function itemRow(one, link = null) {
  const buttons = itemButtons(one).filter(Boolean);
  return el("div", { class: "item action-item", "data-item": one.id },
    el("span", { class: `tag ${KINDS[one.state] ?? ""}` }, words(one.state)), " ", one.text,
    el("div", { class: "facts num", title: `changed by ${one.by}, ${both(one.changed_at_s)}` },
      el("span", {}, `${one.owner ?? "nobody has it"}, ${one.due ? `due ${one.due}` : "no due date"}`), link),
    buttons.length ? el("div", { class: "buttons" }, buttons) : null);
}
