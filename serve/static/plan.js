// The server calculates the plan while a slider moves.
const WAIT = 60;
const form = document.getElementById("plan");
const result = document.getElementById("plan-result");
const save = document.getElementById("save");
let waiting = 0;
let pending = null;

async function calculate() {
  waiting = 0;
  pending?.abort();
  pending = new AbortController();
  const values = new URLSearchParams(new FormData(form));
  for (const [name, value] of values) {
    const kept = save?.elements[name];
    if (kept) kept.value = value;
  }
  try {
    const answer = await fetch(`${form.action}?${values}`, { headers: { "X-Part": "plan", Accept: "text/html" }, signal: pending.signal });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    result.innerHTML = await answer.text();
    result.classList.remove("stale");
  } catch (error) {
    if (error.name !== "AbortError") result.classList.add("stale");
  }
}

form?.addEventListener("input", ({ target }) => {
  const field = target.closest(".field");
  const other = field.querySelector(target.type === "range" ? "[type=number]" : "[type=range]");
  other.value = target.value;
  if (form.checkValidity()) waiting ||= setTimeout(calculate, WAIT);
});
form?.addEventListener("submit", (event) => {
  event.preventDefault();
  calculate();
});
