// A button records what came of a call, and the row is replaced by what the server has now.
const LOST = "Not recorded: the server cannot be reached. Press the button again.";

const filters = document.getElementById("filters");

function tell(form, words) {
  const message = form.querySelector(".message");
  message.classList.add("error");
  message.textContent = words;
}

async function record(form, button) {
  const row = form.closest(".call");
  if (row.ariaBusy) return;
  row.ariaBusy = "true";
  const body = new URLSearchParams(new FormData(form, button));
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { "X-Part": "row", Accept: "text/html, */*;q=0.5" } });
    const text = await answer.text();
    if (answer.ok || answer.status === 409) {
      const made = document.createElement("template");
      made.innerHTML = text;
      const fresh = made.content.querySelector(".call");
      row.replaceWith(fresh);
      fresh.querySelector(`button[value="${button.value}"]`)?.focus({ preventScroll: true });
    } else {
      const page = new DOMParser().parseFromString(text, "text/html");
      const words = [...page.querySelectorAll("main h1, main p")].map((one) => one.textContent.trim());
      tell(form, words.slice(0, -1).join(" ") || `Not recorded: status ${answer.status}.`);
    }
  } catch {
    tell(form, LOST);
  } finally {
    row.removeAttribute("aria-busy");
  }
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches(".did")) return;
  event.preventDefault();
  record(event.target, event.submitter);
});
filters.addEventListener("change", ({ target }) => {
  if (target.matches("select")) filters.requestSubmit();
});
filters.addEventListener("formdata", ({ formData }) => {
  if (!formData.get("q")) formData.delete("q");
});
// What was chosen before this script was here.
for (const select of filters.querySelectorAll("select")) {
  const sent = select.querySelector("option[selected]") ?? select.options[0];
  if (sent !== select.selectedOptions[0]) filters.requestSubmit();
}
