// Requests to the API, with the API key if it needs one.
const ROOT = document.documentElement.dataset.root;
const STORED = "churn-key";
const row = document.getElementById("key");
const field = document.getElementById("key-value");

/** An error response: problem details, see RFC 9457. */
export class Refused extends Error {
  constructor(answer) {
    super(answer.detail);
    this.answer = answer;
  }
}

function wantKey(words) {
  row.hidden = false;
  document.getElementById("key-error").textContent = words;
  if (words) field.focus();
}

/** The response of `path`, to a POST of `body` if there is one. Throws Refused, or as fetch. */
export async function ask(path, body, signal) {
  const key = sessionStorage.getItem(STORED);
  if (!key && "wanted" in row.dataset) {
    wantKey("");
    throw new Refused({ status: 401, detail: "Enter the API key first." });
  }
  const response = await fetch(ROOT + path, {
    method: body ? "POST" : "GET",
    headers: { ...(body && { "Content-Type": "application/json" }), ...(key && { "X-API-Key": key }) },
    body: body && JSON.stringify(body),
    signal,
  });
  if (!/json/.test(response.headers.get("Content-Type"))) throw new Error(`status ${response.status}`);
  const answer = await response.json();
  if (response.status === 401) {
    sessionStorage.removeItem(STORED);
    wantKey(key ? "This key is not accepted." : "");
  }
  if (!response.ok) throw new Refused(answer);
  return answer;
}

/** Calls `again` when a key has been entered. */
export function onKey(again) {
  row.addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(STORED, field.value);
    field.value = "";
    row.hidden = true;
    again();
  });
}

export const percent = (share) => `${(100 * share).toFixed(1)}\u00a0%`;
