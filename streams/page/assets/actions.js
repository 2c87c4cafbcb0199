// What people do: each names what will happen, asks for a reason, and goes through the same interface as everything else.

import { el, toast } from "./dom.js";
import { nowS, words } from "./format.js";
import { send } from "./server.js";
import { may, store } from "./store.js";

const part = encodeURIComponent;
const path = (target) => target.split("/").map(part).join("/");

function button(label, verb, run, kind = "", allowed = may(verb)) {
  if (!store.session.person) return null;
  return el("button", { type: "button", class: kind, disabled: !allowed, onclick: run,
    title: allowed ? null : `${store.session.person} may not ${words(verb)}` }, label);
}

// fields: {name, label, value, required, kind, options}. what: one sentence that says what will happen. terms: pairs of it.
function ask(title, what, fields, run, kind = "primary", terms = []) {
  const dialog = document.getElementById("dialog");
  const inputs = fields.map((one) => [one.name, one.options ? el("select", { name: one.name }, one.options.map((each) => el("option", {}, each))) : el(["number", "password", "date", "text"].includes(one.kind) ? "input" : "textarea", {
    name: one.name, type: ["number", "password", "date"].includes(one.kind) ? one.kind : null, required: one.required, rows: 2,
    autocomplete: one.kind === "password" ? "current-password" : "off" }), one]);
  for (const [, input, one] of inputs) input.value = one.value ?? "";
  const problem = el("p", { class: "bad", role: "alert" });
  const go = el("button", { type: "submit", class: kind }, title);
  const form = el("form", { method: "dialog" }, el("h1", { id: "dialog-title" }, title), el("p", {}, what),
    terms.length ? el("dl", { class: "pairs" }, terms.map(([name, text]) => [el("dt", {}, name), el("dd", {}, text)])) : null,
    inputs.map(([, input, one]) => el("label", {}, one.label, input)), problem,
    el("div", { class: "buttons" }, go, el("button", { type: "button", onclick: () => dialog.close() }, "Cancel")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    try {
      await run(Object.fromEntries(inputs.map(([name, input]) => [name, input.value])));
      dialog.close();
    } catch (error) {
      problem.textContent = error.message;
    }
    go.disabled = false;
  });
  dialog.setAttribute("aria-labelledby", "dialog-title");
  dialog.replaceChildren(form);
  dialog.showModal();
}

async function act(address, body, done) {
  await send("POST", `api/v1/${address}`, body);
  toast(`Written: ${done}. The effect shows here when it has happened.`);
}

const reason = (required = false) => ({ name: "comment", label: required ? "Reason (needed)" : "Reason", required });

export function approvalButtons(one) {
  if (!store.session.person || one.state !== "requested") return [];
  const what = `${one.undo ? "undo " : ""}${words(one.kind)} ${one.target}`;
  const decide = (verb, values) => act(`approvals/${part(one.key)}/decision`, { verb, digest: one.digest, comment: values.comment }, `${words(verb)} of ${what}`);
  const left = one.count - one.approvals - 1;
  const allowed = one.roles.some((role) => store.session.roles.includes(role)); // those of its terms, whatever others may
  const then = left > 0 ? `${left} more must approve before it runs.` : "It runs at once, if its conditions still hold.";
  return [
    button("Approve", "approve", () => ask("Approve", `You approve: ${what}. ${then}`, [reason()], (v) => decide("approve", v), "primary", [["why", one.why], ...one.explained]), "primary", allowed),
    button("Reject", "reject", () => ask("Reject", `You reject: ${what}. It does not run, and the ladder of remedies for this incident stops.`, [reason()], (v) => decide("reject", v)), "", allowed),
    may("withdraw") ? button("Withdraw", "withdraw", () => ask("Withdraw", `The request is taken back: ${what}. Nobody is asked any more.`, [reason()], (v) => decide("withdraw", v))) : null,
    may("break_glass") ? button("Break glass", "break_glass", () => ask("Break glass",
      `${what} runs without approval, past freeze, cooldown, budget and storm brake. The audit, and so the timeline of the review, names you and your reason.`, [reason(true)], (v) => decide("break_glass", v), "danger", one.explained), "danger") : null,
  ];
}

export function textButtons(one) {
  const allowed = one.roles.some((role) => store.session.roles.includes(role));
  const decide = (verb, done) => (v) => act(`texts/${part(one.digest)}/decision`, { verb, comment: v.comment }, done);
  const what = `the text "${one.title}" (${one.digest})`;
  return [
    button("Release", "release", () => ask("Release", `It is told now, word for word, to ${one.to.join(", ")}: ${what}. It cannot be taken back.`, [reason()], decide("release", "released")), "primary", allowed),
    button("Withdraw", "withdraw", () => ask("Withdraw", `It is not told to ${one.audience}: ${what}. The next event of the incident asks again.`, [reason()], decide("withdraw", "withdrawn")), "", allowed),
  ];
}

// A silence ends by its id, where it still lasts; a maintenance window ends by its times alone, and has no button.
export const silenceOf = (one) => one.maintenance ? undefined : store.force.silences.find((each) => each.id === one.silenced_by);

const isSilent = (one) => one.evidence.some((each) => ["absence", "monitoring"].includes(each.detector));

export function incidentButtons(one) {
  if (one.state === "resolved") return [];
  const at = (verb, body, done) => act(`incidents/${part(one.id)}/${verb}`, body, done);
  const about = [["incident", one.title]];
  return [
    button("Acknowledge", "acknowledge", () => ask("Acknowledge", "You say that you work on this incident. For so long nobody else is paged, unless it becomes worse; then paging goes on.",
      [{ name: "minutes", label: "For how long, minutes", kind: "number", value: "60", required: true }, reason()],
      (v) => at("acknowledge", { for_s: Number(v.minutes) * 60, comment: v.comment }, "acknowledged"), "primary", about), "primary"),
    button("Assign", "assign", () => ask("Assign", "Whom you name gets a role of this incident. An owner is added to the others; a commander or scribe takes over from the one before.",
      [{ name: "to", label: "To whom", kind: "text", value: store.session.person, required: true },
        { name: "role", label: "Role", value: "owner", options: ["owner", "commander", "scribe"] }, reason()],
      (v) => at("assign", { to: v.to, role: v.role, comment: v.comment }, `${v.to} is ${v.role}`), "primary", about)),
    button("Update", "update", () => ask("Update", "What you write is shown at the incident, and told to the audiences that ask for updates.",
      [{ name: "comment", label: "Text", required: true }], (v) => at("update", { comment: v.comment }, "update"), "primary", about)),
    one.silenced_by ? silenceOf(one) && silenceButtons(silenceOf(one))
      : one.silences === null ? null : button("Silence", "silence", () => ask("Silence", `Nobody is told, and no playbook acts, for a while, about incidents of ${one.silences}. They are still found and shown.`,
        [{ name: "minutes", label: "For how long, minutes", kind: "number", value: "60", required: true }, reason(true)],
        (v) => at("silence", { for_s: Number(v.minutes) * 60, comment: v.comment }, "silenced"))),
    button("Escalate", "escalate", () => ask("Escalate", "The next step of the escalation is taken now; or whom you name is paged, and the steps go on as before.",
      [{ name: "to", label: "Person, schedule or role; empty for the next step", kind: "text" }, reason(true)],
      (v) => at("escalate", { to: v.to || null, comment: v.comment }, "escalated"), "primary", about)),
    button("Resolve", "resolve", () => ask("Resolve", `The incident is called over, and what was done for it is undone by its terms. Alarms after it open it anew${isSilent(one) ? ", but what is silent now does so only once records came again" : ""}.`,
      [reason()], (v) => at("resolve", { comment: v.comment }, "resolved"), "danger", about), "danger"),
  ];
}

export function silenceButtons(one) {
  if (one.service === null || one.until_s <= nowS()) return [];
  return [button("End silence", "silence", () => ask("End silence", `People are told again, and playbooks act again, about incidents of ${one.what}.`, [reason()],
    (v) => act(`silences/${part(one.id)}/expire`, { comment: v.comment }, "silence ended")))];
}

const closes = (one) => `The circuit breaker closes, and ${one.target} gets all of its traffic again.`;

export function remedyButtons(one) {
  const what = `${words(one.kind)} ${one.target}`;
  const at = (verb, done) => (v) => act(`remedies/${part(one.kind)}/${path(one.target)}/${verb}`, { comment: v.comment }, done);
  const breaker = (verb, done) => (v) => act(`breakers/${path(one.target)}`, { verb, comment: v.comment }, done);
  return [
    button("Undo", "undo", () => ask("Undo", `${what} is taken back now.${one.breaker ? ` ${closes(one)}` : ""}`, [reason()], at("undo", `undo of ${what}`))),
    one.is_kept || one.undo_when === "never" ? null : button("Keep", "keep", () => ask("Keep", `${what} stays in force until a person takes it back.`, [reason()], at("keep", `keep ${what}`))),
    one.breaker && one.breaker.state !== "forced_open" ? button("Force open", "force_open", () => ask("Force open", `The circuit breaker opens and stays open, without timers, until it is cleared: until then no traffic goes to ${one.target}.`, [reason()], breaker("force_open", "forced open"), "danger"), "danger") : null,
    one.breaker && ["forced_open", "disabled"].includes(one.breaker.state)
      ? button("Clear", "clear", () => ask("Clear", `${closes(one)} From now on it opens by itself again where an incident needs it.`, [reason()], breaker("clear", "cleared"))) : null,
  ];
}

// An owner or a due date can be changed, and not taken away.
export function itemButtons(one) {
  const at = (done, body) => (v) => act(`items/${part(one.id)}`, { ...body(v), comment: v.comment }, done);
  const changed = (v) => Object.fromEntries(["owner", "due"].filter((name) => v[name] && v[name] !== one[name]).map((name) => [name, v[name]]));
  const file = "The file of its review stays as it is.";
  const change = button("Change", "review", () => ask("Change", `Who does this, and until which day in UTC, is recorded with your name. ${file} It is about: ${one.text}`,
    [{ name: "owner", label: "Owner", kind: "text", value: one.owner, required: Boolean(one.owner) },
      { name: "due", label: "Due", kind: "date", value: one.due, required: Boolean(one.due) }, reason()], at("action item changed", changed)));
  if (["done", "dropped"].includes(one.state)) {
    return [button("Open again", "review", () => ask("Open again", `This is to be done after all, and can become overdue. ${file} It is about: ${one.text}`, [reason()], at("action item open again", () => ({ state: "open" }))))];
  }
  return [
    button("Done", "review", () => ask("Done", `This is recorded as done, by you, and leaves the list of open action items. ${file} It is about: ${one.text}`, [reason()], at("action item done", () => ({ state: "done" })))),
    change,
    button("Drop", "review", () => ask("Drop", `This is recorded as something that will not be done, and leaves the list of open action items. ${file} It is about: ${one.text}`, [reason(true)], at("action item dropped", () => ({ state: "dropped" })), "danger"), "danger"),
  ];
}

export function stormButtons() {
  return button("Reset the storm brake", "storm_reset", () => ask("Reset the storm brake", "Playbooks in mode auto act by themselves again, within their limits.",
    [reason()], (v) => act("storm/reset", v, "storm brake reset"), "danger"), "danger");
}

export function watchButton(service, model, one) {
  const what = `${one.metric}${one.part ? ` of ${one.part.replace("/", " ")}` : ""}`;
  return button("Draw", "read", () => ask("Draw", `The windows of ${what} are published for 10 minutes, and show here within half a minute. Nothing is decided by them.`, [],
    () => act("series/watch", { service, model, metric: one.metric, part: one.part }, `${what} is drawn`)));
}

export function logIn(done) {
  ask("Log in", "With your bearer token. The session lasts 12 hours; the page does not keep the token.",
    [{ name: "token", label: "Token", kind: "password", required: true }], async (v) => { store.session = await send("POST", "page/session", { token: v.token }); done(); });
}
