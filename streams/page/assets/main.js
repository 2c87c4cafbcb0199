// Starts the page: who looks, which view, and the stream of changes.

import { logIn } from "./actions.js";
import { el, empty, panel, toast } from "./dom.js";
import { local, nowS, utc, zone } from "./format.js";
import { loadConfiguration, showConfiguration } from "./configuration.js";
import { loadHistory, showHistory, showStatus } from "./history.js";
import { loadIncident, showIncident } from "./incident.js";
import { showNow, tick } from "./now.js";
import { loadService, loadServices, serviceKey, showService, showServices } from "./services.js";
import { get, Refused, send, watch } from "./server.js";
import { apply, replaceAll, store } from "./store.js";

const main = document.getElementById("main");
const dialog = document.getElementById("dialog");
let leave = null;
let retry = 0;
let opener = null; // where the keyboard was last, to which it goes back from the dialog
let drawing = 0;

function route() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, id] = path.split("/");
  return { view: view || "now", id: id ? decodeURIComponent(id) : "", query: new URLSearchParams(query ?? "") };
}

async function show() {
  const { view, id, query } = route();
  const mine = ++drawing;
  for (const one of document.querySelectorAll("nav a")) {
    if (one.dataset.view === (view === "service" ? "services" : view)) one.setAttribute("aria-current", "page"); else one.removeAttribute("aria-current");
  }
  if (!store.session.may_read) {
    main.replaceChildren(panel("Log in", "", empty("Reading wants a login with your token, or a proxy in front that knows you.")));
    return;
  }
  if (view === "configuration" && !store.session.person) {
    main.replaceChildren(panel("Log in", "", empty("The configuration is shown to people who are logged in.")));
    return;
  }
  try {
    if (view === "incident") {
      const found = await loadIncident(id);
      if (mine === drawing) keepFocus(() => showIncident(main, found, query));
    } else if (view === "services") {
      const found = await loadServices();
      if (mine === drawing) keepFocus(() => showServices(main, found));
    } else if (view === "service") {
      const found = await loadService(id, query);
      if (mine === drawing) keepFocus(() => showService(main, found, query));
    } else if (view === "configuration") {
      const found = await loadConfiguration();
      if (mine === drawing) showConfiguration(main, found);
    } else if (view === "history") {
      const found = await loadHistory(query);
      if (mine === drawing) keepFocus(() => showHistory(main, found, query));
    } else if (view === "status") {
      const found = await loadHistory(new URLSearchParams("period=604800"));
      if (mine === drawing) showStatus(main, found);
    } else keepFocus(() => showNow(main));
  } catch (error) {
    if (mine === drawing) failed(error);
  }
}

let kept = null; // the address of what was drawn last

// What tells a control from others of its kind: the thing that it is about, and its text.
function nameOf(one) {
  return JSON.stringify([{ ...one.closest("[data-key], [data-id], [data-text]")?.dataset }, one.name ?? "", one.textContent]);
}

// A change must not take away where somebody is with the keyboard, what was typed, or how far a table was scrolled.
function keepFocus(draw) {
  const same = kept === location.hash;
  kept = location.hash;
  const fields = () => [...main.querySelectorAll("input[name]")];
  const typed = new Map(fields().filter((one) => same && one.value !== one.defaultValue).map((one) => [one.name, one]));
  const tables = () => [...main.querySelectorAll(".scroll")];
  const scrolled = same ? tables().map((one) => one.scrollLeft) : [];
  const focused = dialog.open ? opener : document.activeElement;
  const focusable = () => [...main.querySelectorAll("a,button,select,input")];
  const isInside = main.contains(focused) && focused !== main, name = isInside ? nameOf(focused) : "";
  const href = focused?.getAttribute?.("href");
  draw();
  tables().forEach((one, at) => { one.scrollLeft = scrolled[at] ?? 0; });
  for (const one of fields()) if (typed.has(one.name)) one.value = typed.get(one.name).value;
  if (!isInside) return;
  const again = focusable();
  const next = again.find((one) => href ? one.getAttribute("href") === href : nameOf(one) === name) ?? main;
  if (dialog.open) {
    opener = next;
    return;
  }
  next?.focus({ preventScroll: true });
  if (next?.matches("input[name]") && typed.has(next.name)) next.setSelectionRange(focused.selectionStart, focused.selectionEnd);
}

function failed(error) {
  notShown(error);
  if (error instanceof Refused && error.status === 401) start();
}

function notShown(error) {
  main.replaceChildren(panel("Not shown", "", empty(error instanceof Refused ? error.message : "The server does not answer. The page tries again by itself.")));
}

// Whatever is shown: the tab tells how many incidents are open.
function title() {
  document.title = `${store.incidents.size ? `(${store.incidents.size}) ` : ""}Tocsin`;
}

function state(name) {
  const live = document.getElementById("live");
  const text = { live: "live", broken: "connection lost, trying again", out: "not logged in" }[name];
  if (live.textContent !== text) live.textContent = text;
  live.dataset.state = name;
}

async function readAll() {
  const now = await get("page/now");
  replaceAll(now);
  title();
  await show();
  return now.position;
}

async function begin() {
  leave?.();
  leave = null;
  store.session = await get("page/session");
  who();
  if (!store.session.may_read) {
    state("out");
    return show();
  }
  const position = await readAll();
  leave = watch(position, {
    state, reset: () => readAll().catch(failed), refused: ofWhom,
    changes: (value) => {
      const changed = apply(value);
      title();
      const { view, id, query } = route();
      const isNews = value.incidents.length || value.approvals.length || value.texts.length || value.items.length || value.force;
      if (view === "now") show();
      else if (view === "incident") (changed.has(id) || changed.has(`incident/${id}`) || value.texts.length) && show();
      else if (view === "service") (isNews || changed.has(serviceKey(id, query))) && show();
      else if (view === "configuration") return;
      else if (isNews || (view === "services" && value.series.length)) show();
    },
  });
}

// The stream was refused. Where the session is over, one reads nothing before a login: asking on would count as failed tries.
async function ofWhom(reopen) {
  try {
    const found = await get("page/session");
    if (found.person === store.session.person && found.may_read) reopen(); else await start();
  } catch (error) {
    if (error instanceof Refused && error.status === 401) start(); else reopen();
  }
}

// Whom a proxy names is named again by it, so there is nothing to log out of.
function who() {
  const { person, by_proxy: proxied } = store.session;
  const shown = document.getElementById("who");
  const had = shown.contains(document.activeElement);
  shown.replaceChildren(person
    ? el("span", {}, el("span", { class: "soft" }, `${person} `), proxied ? null : el("button", { type: "button", onclick: async () => { await send("DELETE", "page/session"); begin(); } }, "Log out"))
    : el("button", { type: "button", onclick: () => logIn(() => begin().catch(failed)) }, "Log in"));
  if (had) shown.querySelector("button")?.focus();
}

function clock() {
  const shown = document.getElementById("clock");
  shown.replaceChildren(...(zone() === "UTC" ? [] : [`${local(nowS())}`, el("span", { class: "word" }, " local"), " \u00b7 "]), utc(nowS()));
  tick(main);
}

function keys(event) {
  if (dialog.open || event.target.matches("input,textarea,select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const rows = [...main.querySelectorAll("a.row")];
  const at = rows.indexOf(document.activeElement);
  if (event.key === "j") rows[Math.min(at + 1, rows.length - 1)]?.focus();
  else if (event.key === "k") rows[Math.max(at - 1, 0)]?.focus();
  else if (event.key === "n") location.hash = "#/";
  else if (event.key === "h") location.hash = "#/history";
  else if (event.key === "s") location.hash = "#/services";
  else if (event.key === "?") toast("j and k: next and previous incident; Enter: open; n: Now; s: Services; h: History");
}

function theme() {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  localStorage.setItem("tocsin-theme", root.dataset.theme);
  show();
}

const chosen = localStorage.getItem("tocsin-theme");
if (chosen) document.documentElement.dataset.theme = chosen;
document.getElementById("theme").addEventListener("click", theme);
addEventListener("hashchange", () => { show().then(() => { main.focus({ preventScroll: true }); scrollTo(0, 0); }); });
addEventListener("keydown", keys);
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
main.addEventListener("focusin", (event) => { opener = event.target; });
dialog.addEventListener("close", () => { // the browser goes back by itself, but not to what was drawn anew meanwhile
  const at = document.activeElement;
  if (at === document.body || dialog.contains(at)) opener?.focus({ preventScroll: true });
});
setInterval(clock, 1000);
// Who is refused asks rarely: each try is audited, and after ten within a minute nobody at this address is asked at all.
async function start() {
  clearTimeout(retry);
  try {
    await begin();
  } catch (error) {
    state("broken");
    notShown(error);
    retry = setTimeout(start, error instanceof Refused && error.status < 500 ? 60_000 : 3000);
  }
}
start();
