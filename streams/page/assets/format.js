// Times and numbers as text. Times are seconds since the epoch; null is unknown and is said so.

const two = (value) => String(value).padStart(2, "0");

let ahead = 0; // seconds by which the clock of the installation is ahead of this browser's

export function setNow(nowS) {
  ahead = nowS - Date.now() / 1000;
}

export function nowS() {
  return Date.now() / 1000 + ahead;
}

export function utc(atS, withDay = false) {
  if (atS === null || atS === undefined) return "unknown";
  const text = new Date(atS * 1000).toISOString();
  return withDay ? `${text.slice(0, 10)} ${text.slice(11, 19)} UTC` : `${text.slice(11, 19)} UTC`;
}

export function local(atS) {
  const at = new Date(atS * 1000);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

export function zone() {
  const minutes = -new Date().getTimezoneOffset();
  if (minutes === 0) return "UTC";
  return `UTC${minutes < 0 ? "-" : "+"}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
}

// In the viewer's zone and in UTC, with the day in the viewer's zone where it is wanted.
export function instant(atS, withDay = false) {
  if (atS === null || atS === undefined || zone() === "UTC") return utc(atS, withDay);
  return `${withDay ? `${day(atS)} ` : ""}${local(atS)} (${utc(atS)})`;
}

function day(atS) {
  const at = new Date(atS * 1000);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

export function both(atS) {
  if (atS === null || atS === undefined) return "unknown";
  const world = utc(atS, true);
  return zone() === "UTC" ? world : `${local(atS)} local, ${world}`;
}

export function span(seconds) {
  if (seconds === null || seconds === undefined) return "unknown";
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${two(Math.floor(whole % 3600 / 60))} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor(whole % 86400 / 3600)} h`;
}

export function unitOf(metric) {
  const units = { per_s: "/s", ms: "ms", s: "s", tokens: "tokens", bytes: "B" };
  const found = Object.keys(units).find((suffix) => metric.endsWith(`_${suffix}`));
  return found ? units[found] : "";
}

export function number(value, unit = "") {
  if (value === null || value === undefined) return "unknown";
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  const text = value.toLocaleString("en", { maximumFractionDigits: digits });
  return unit ? `${text} ${unit}` : text;
}

export function words(name) {
  return String(name ?? "unknown").replaceAll("_", " ");
}

export function count(number_, one, many = `${one}s`) {
  return `${number_} ${number_ === 1 ? one : many}`;
}
