// The latest predictions in the log.
import { ask, onKey, percent } from "./api.js";

const LIMIT = 20;
const table = document.getElementById("latest");
const words = document.getElementById("latest-words");

function row({ time, run, customer, probability, churn, threshold, prediction }) {
  const made = document.createElement("tr");
  made.title = `Prediction ${prediction}, threshold ${percent(threshold)}`;
  made.className = churn ? "leaves" : "";
  for (const text of [
    new Date(time).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" }),
    customer ?? "–",
    percent(probability),
    churn ? "Worth a call" : "No call needed",
    run,
  ]) {
    made.insertCell().textContent = text;
  }
  return made;
}

async function load() {
  words.textContent = "Loading …";
  try {
    const { predictions } = await ask(`predictions?limit=${LIMIT}`);
    table.tBodies[0].replaceChildren(...predictions.map(row));
    table.hidden = !predictions.length;
    words.textContent = predictions.length ? "" : "There are no predictions yet.";
  } catch (error) {
    table.hidden = true;
    words.textContent = error.message;
  }
}

document.getElementById("again").addEventListener("click", load);
onKey(load);
load();
