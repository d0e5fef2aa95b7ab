"use strict";

// The form's values go to the API as they are; what is wrong with them, the API says.
const form = document.getElementById("form");
const result = document.getElementById("result");
const button = form.querySelector("[type=submit]");
const inputs = [...form.querySelectorAll("[data-kind]")];
const percent = (share) => `${Number((100 * share).toFixed(1))} %`;

function record() {
  const values = {};
  for (const input of inputs) {
    const { kind } = input.dataset;
    if (kind === "flag") values[input.name] = input.checked;
    // A number field hides what it cannot read, which must not pass for an empty one.
    else if (input.validity.badInput) values[input.name] = "not a number";
    else if (input.value !== "") {
      values[input.name] = kind === "number" ? Number(input.value) : input.value;
    }
  }
  return values;
}

function clearProblems() {
  for (const line of document.querySelectorAll(".error")) line.textContent = "";
  for (const input of inputs) input.removeAttribute("aria-invalid");
}

function showProblems(answer) {
  const elsewhere = [];
  for (const { where, expected, got } of answer.problems ?? []) {
    const input = inputs.find((one) => one.name === where);
    const words = `Expected ${expected}; got ${got}.`;
    if (!input) {
      elsewhere.push(`${where}: ${words}`);
      continue;
    }
    input.setAttribute("aria-invalid", "true");
    input.closest(".field").querySelector(".error").textContent = words;
  }
  const alert = document.getElementById("alert");
  const marked = form.querySelector("[aria-invalid]");
  alert.textContent = [marked ? "Please mend the marked fields." : answer.detail, ...elsewhere].join(" ");
  marked?.focus();
}

function labelOf(name) {
  const label = inputs.find((one) => one.name === name)?.labels[0];
  return label?.querySelector("span:not(.unit)")?.textContent ?? label?.firstChild.textContent.trim() ?? name;
}

function inWords(name, value) {
  if (value === null) return "not known";
  const field = inputs.find((one) => one.name === name)?.closest(".field");
  if (field?.classList.contains("flag")) return value ? "yes" : "no";
  return typeof value === "number" ? String(Math.round(value * 100) / 100) : value;
}

function reasonItem({ feature, value, typical, contribution }, largest) {
  const item = document.createElement("li");
  item.className = contribution > 0 ? "raises" : "lowers";
  const title = document.createElement("span");
  title.textContent = `${labelOf(feature)}: ${inWords(feature, value)}`;
  const effect = document.createElement("span");
  effect.className = "effect";
  const points = Math.abs(100 * contribution).toFixed(1);
  effect.textContent = `${contribution > 0 ? "▲ raises" : "▼ lowers"} the risk by ${points} points`;
  const bar = document.createElement("span");
  bar.className = "bar";
  bar.ariaHidden = "true";
  const fill = bar.appendChild(document.createElement("span"));
  fill.style.width = `${(100 * Math.abs(contribution)) / largest}%`;
  const usual = document.createElement("span");
  usual.className = "usual";
  usual.textContent = `typical: ${inWords(feature, typical)}`;
  item.append(title, usual, effect, bar);
  return item;
}

function showReasons(reasons) {
  const largest = Math.max(...reasons.map((one) => Math.abs(one.contribution)));
  for (const section of document.querySelectorAll("#reasons section")) {
    const mine = reasons.filter((one) => String(one.actionable) === section.dataset.actionable);
    section.querySelector("ol").replaceChildren(...mine.map((one) => reasonItem(one, largest)));
    section.hidden = !mine.length;
  }
}

function changeInWords(change) {
  if (!change) return "Nothing that can be changed lowers the risk.";
  const to = `${labelOf(change.feature)}: ${inWords(change.feature, change.value)}`;
  return `The best single change, ${to}, brings the risk to ${percent(change.probability)}.`;
}

function showAnswer({ customer, probability, churn, threshold, reasons, best_change }) {
  document.getElementById("percent").textContent = `${(100 * probability).toFixed(1)} %`;
  document.getElementById("arc").setAttribute("stroke-dasharray", `${100 * probability} 200`);
  document.getElementById("gauge").setAttribute("aria-label", `Risk of leaving: ${percent(probability)}`);
  document.getElementById("verdict").textContent =
    (customer === null ? "" : `${customer}: `) + (churn ? "worth a call" : "likely to stay");
  document.getElementById("about").textContent =
    `${churn ? "At or above" : "Below"} the mark at ${percent(threshold)}.`;
  showReasons(reasons);
  document.getElementById("change").textContent = changeInWords(best_change);
  document.getElementById("reasons").hidden = false;
  result.classList.remove("stale");
  result.classList.add("scored");
  result.classList.toggle("leaves", churn);
  result.dataset.probability = probability;
  // On a phone the result is below the form.
  const { top, bottom } = result.getBoundingClientRect();
  if (top > innerHeight / 2 || bottom < 0) result.scrollIntoView();
  result.focus({ preventScroll: true });
}

async function ask() {
  const response = await fetch(`${form.action}?explain=1`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(record()),
  });
  if (!/json/.test(response.headers.get("Content-Type"))) throw new Error(`status ${response.status}`);
  return [response.ok, await response.json()];
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  clearProblems();
  delete result.dataset.probability;
  button.disabled = true;
  try {
    const [ok, answer] = await ask();
    button.disabled = false;
    (ok ? showAnswer : showProblems)(answer);
  } catch (error) {
    document.getElementById("alert").textContent = `The server cannot be reached (${error.message}). Try again.`;
  } finally {
    button.disabled = false;
  }
});

function changed() {
  if (!result.classList.contains("scored")) return;
  result.classList.add("stale");
  document.getElementById("about").textContent = "The form has changed since: score again.";
}

form.addEventListener("input", changed);
form.addEventListener("reset", () => {
  clearProblems();
  changed();
});
