// The form sends its values to the API as they are, and shows the problems that the API names.
import { ask, onKey, percent, Refused } from "./api.js";

const WAIT = 80; // milliseconds between two requests while a slider moves
const SILENCE = 700; // milliseconds without a change until the risk is read out

const element = (id) => document.getElementById(id);
const form = element("form");
const main = element("main");
const result = element("result");
const inputs = [...form.querySelectorAll("[data-kind]")];
const sliders = [...form.querySelectorAll("[type=range]")];
const inputOf = (name) => inputs.find((input) => input.name === name);
const fieldOf = (name) => inputOf(name)?.closest(".field");
const numberOf = (slider) => slider.closest(".field").querySelector("[data-kind]");
const labelOf = (name) => fieldOf(name)?.dataset.label ?? name;
const recorded = "recorded" in result.dataset;
const typical = { title: recorded ? "the record's" : "a typical customer's", probability: Number(result.dataset.typical), values: null };

let before = typical; // what the risk is compared with
let shown = typical.probability;
let turn = 0; // the number of the latest request: older responses are not shown
let pending = null; // aborts the request in flight
let waiting = 0;
let silence = 0;
let filled = recorded; // whether the form says anything about the customer

function record() {
  const values = {};
  for (const input of inputs) {
    const { kind } = input.dataset;
    if (kind === "flag") values[input.name] = input.checked;
    // The value of a number field is empty if its text is not a number; that is not missing.
    else if (input.validity.badInput) values[input.name] = "not a number";
    else if (input.value !== "") {
      values[input.name] = kind === "number" ? Number(input.value) : input.value;
    }
  }
  return values;
}

function fill(name, value) {
  const input = inputOf(name);
  if (input.dataset.kind === "flag") input.checked = Boolean(value);
  // A flag that may be missing is a list here and a number in the response.
  else if (fieldOf(name).classList.contains("flag") && typeof value === "number") input.value = value ? "yes" : "no";
  else input.value = value ?? "";
}

function moveSliders() {
  for (const slider of sliders) {
    const input = numberOf(slider);
    if (input.value !== "") slider.value = input.value;
    slider.ariaValueText = withUnit(input.name, Number(slider.value));
  }
}

function clearProblems() {
  element("alert").textContent = "";
  for (const input of inputs) {
    input.removeAttribute("aria-invalid");
    input.closest(".field").querySelector(".error").textContent = "";
  }
}

function showProblems(error) {
  clearProblems();
  main.classList.add("stale");
  delete result.dataset.probability;
  if (!(error instanceof Refused)) {
    element("alert").textContent = `The server cannot be reached (${error.message}). The risk shown is not this form's.`;
    return;
  }
  const { detail, problems = [] } = error.answer;
  const elsewhere = [];
  for (const { where, expected, got } of problems) {
    const input = inputOf(where);
    const words = `Expected ${expected}; got ${got}.`;
    if (!input) {
      elsewhere.push(`${where}: ${words}`);
      continue;
    }
    input.setAttribute("aria-invalid", "true");
    fieldOf(where).querySelector(".error").textContent = words;
  }
  const wrong = [...form.querySelectorAll("[aria-invalid]")].map((input) => labelOf(input.name));
  const summary = wrong.length ? `No risk until this is corrected: ${wrong.join(", ")}.` : detail;
  element("alert").textContent = [summary, ...elsewhere].join(" ");
}

function inWords(name, value) {
  if (value === null) return "not known";
  const field = fieldOf(name);
  if (field?.classList.contains("flag")) return value ? "yes" : "no";
  if (typeof value !== "number") return value;
  return value.toLocaleString("en", { maximumFractionDigits: 2 });
}

function withUnit(name, value) {
  const unit = typeof value === "number" && fieldOf(name)?.dataset.unit;
  return unit ? `${inWords(name, value)} ${unit}` : inWords(name, value);
}

function span(className, text) {
  const made = document.createElement("span");
  made.className = className;
  made.textContent = text;
  return made;
}

function reasonItem({ feature, value, typical, contribution }, largest) {
  const item = document.createElement("li");
  item.className = contribution > 0 ? "raises" : "lowers";
  const points = Math.abs(100 * contribution).toFixed(1);
  const bar = span("bar", "");
  bar.ariaHidden = "true";
  bar.appendChild(span("", "")).style.width = `${(100 * Math.abs(contribution)) / largest}%`;
  item.append(
    span("what", `${labelOf(feature)}: ${withUnit(feature, value)}`),
    span("usual", `typical: ${inWords(feature, typical)}`),
    span("effect", `${contribution > 0 ? "▲ raises" : "▼ lowers"} the risk by ${points} points`),
    bar,
  );
  return item;
}

function showReasons(reasons) {
  const largest = Math.max(...reasons.map((one) => Math.abs(one.contribution)));
  for (const section of document.querySelectorAll("#reasons section")) {
    const mine = reasons.filter((one) => String(one.actionable) === section.dataset.actionable);
    section.querySelector("ol").replaceChildren(...mine.map((one) => reasonItem(one, largest)));
    section.hidden = !mine.length;
  }
  element("scale").textContent = reasons.length
    ? "Percentage points of risk, compared with a customer whose value of that one feature is typical."
    : "No feature stands out: this is a typical customer.";
  element("reasons").hidden = false;
}

function showChange(change) {
  const button = element("try");
  if (!change && document.activeElement === button) result.focus({ preventScroll: true });
  button.hidden = !change;
  button.onclick = change && (() => {
    fill(change.feature, change.value);
    filled = true;
    changed();
  });
  element("change-words").textContent = change
    ? `Best single change: ${labelOf(change.feature)} to ${withUnit(change.feature, change.value)}. The risk would be ${percent(change.probability)}.`
    : "actionable" in result.dataset
      ? "No single change lowers the risk."
      : "Nothing is marked as changeable yet, so no change is proposed.";
}

function showDifference() {
  const points = 100 * (shown - before.probability);
  const some = Math.abs(points) >= 0.05;
  element("before").classList.toggle("hidden", !some);
  element("before").setAttribute("transform", `rotate(${180 * before.probability} 120 120)`);
  const words = `${Math.abs(points).toFixed(1)} points ${points > 0 ? "above" : "below"}`;
  element("difference").textContent = some ? `${words} ${before.title} ${percent(before.probability)}` : "";
  element("back").hidden = !some || !before.values;
}

/** The form is a typical customer's, so it has no risk of the customer whose key was entered. */
function showUnknown(customer) {
  clearProblems();
  delete result.dataset.probability;
  main.classList.remove("stale");
  main.classList.add("unknown");
  element("verdict").textContent = `Fill in what you know about ${customer}`;
  element("now-words").textContent = "fill in what you know";
  element("difference").textContent = "";
}

function whose(customer) {
  const known = element("customer-known");
  if (!known) return;
  const link = document.createElement("a");
  link.href = `${result.dataset.customers}/${encodeURIComponent(customer)}`;
  link.textContent = `The record of ${customer}`;
  known.replaceChildren(...(customer && !form.querySelector("#customer").readOnly ? [link] : []));
}

function show({ probability, churn, threshold, run, reasons, best_change, unseen }) {
  clearProblems();
  shown = probability;
  main.classList.remove("unknown");
  const verdict = churn ? "Worth a call" : "No call needed";
  const customer = form.querySelector("#customer")?.value;
  element("percent").textContent = percent(probability);
  element("arc").setAttribute("stroke-dasharray", `${100 * probability} 200`);
  element("zone").setAttribute("stroke-dasharray", `0 ${100 * threshold} 200`);
  element("mark").setAttribute("transform", `rotate(${180 * threshold} 120 120)`);
  element("threshold").textContent = percent(threshold);
  element("gauge").setAttribute("aria-label", `Risk of leaving: ${percent(probability)}`);
  element("verdict").textContent = customer ? `${customer}: ${verdict.toLowerCase()}` : verdict;
  element("now").textContent = percent(probability);
  element("now-words").textContent = verdict.toLowerCase();
  element("unseen").hidden = !unseen.length;
  element("unseen").textContent = `Not in the training data, so treated as missing: ${unseen.map(labelOf).join(", ")}.`;
  element("newer").hidden = run === result.dataset.run;
  showReasons(reasons);
  showChange(best_change);
  showDifference();
  main.classList.toggle("leaves", churn);
  main.classList.remove("stale");
  // While a slider moves, the risk lags behind; it is that of the form when no request waits.
  if (!waiting) result.dataset.probability = probability;
  clearTimeout(silence);
  silence = setTimeout(() => {
    element("announce").textContent = `Risk ${percent(probability)}, ${verdict.toLowerCase()}.`;
  }, SILENCE);
}

async function whatIf() {
  waiting = 0;
  pending?.abort();
  const customer = form.querySelector("#customer")?.value.trim();
  whose(customer);
  element("save").disabled = Boolean(customer) && !filled;
  if (customer && !filled) {
    turn += 1;
    showUnknown(customer);
    return;
  }
  pending = new AbortController();
  const mine = ++turn;
  try {
    const answer = await ask("what-if", record(), pending.signal);
    if (mine === turn) show(answer);
  } catch (error) {
    if (mine === turn) showProblems(error);
  }
}

function changed() {
  moveSliders();
  delete result.dataset.probability;
  waiting ||= setTimeout(whatIf, WAIT);
}

async function save() {
  clearTimeout(waiting);
  waiting = 0;
  pending?.abort();
  const mine = ++turn;
  const values = record();
  element("save").disabled = true;
  try {
    const answer = await ask("predict?explain=1", values);
    before = { title: "the saved", probability: answer.probability, values };
    element("saved").replaceChildren(
      `Saved: ${percent(answer.probability)}, prediction `,
      Object.assign(document.createElement("code"), { textContent: answer.prediction }),
    );
    if (mine === turn) show(answer);
    else showDifference();
  } catch (error) {
    if (mine === turn) {
      showProblems(error);
      form.querySelector("[aria-invalid]")?.focus();
    }
  } finally {
    element("save").disabled = false;
  }
}

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", ({ target }) => {
  if (target.type === "range") numberOf(target).value = target.value;
  filled ||= target.id !== "customer";
  changed();
});
form.addEventListener("reset", () => {
  before = typical;
  filled = recorded;
  element("saved").textContent = "";
  turn += 1; // a response on its way is not of this form
  delete result.dataset.probability;
  setTimeout(changed); // the fields are not reset yet
});
element("save").addEventListener("click", save);
element("back").addEventListener("click", () => {
  for (const { name } of inputs) fill(name, before.values[name]);
  changed();
});
onKey(whatIf);
moveSliders();
whatIf();
