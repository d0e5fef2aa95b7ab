// A file is sent in parts; a part that is lost is sent again. Then its progress is shown.
const TRIES = 5;
const WAIT = 1000;
const form = document.getElementById("give");
const input = document.getElementById("file");
const sent = document.getElementById("sent");
const progress = document.getElementById("progress");
const jobs = document.getElementById("jobs");

const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

async function post(url, body, type) {
  const headers = { "X-Form-Token": form.elements.token.value, Accept: "application/json", ...(type && { "Content-Type": type }) };
  const answer = await fetch(url, { method: "POST", body, headers });
  const values = await answer.json();
  if (!answer.ok) {
    const problems = (values.problems ?? []).map((one) => `${one.where}: expected ${one.expected}; got ${one.got}.`);
    throw Object.assign(new Error([values.detail, ...problems].join(" ")), { final: answer.status < 500 });
  }
  return values;
}

async function give(file) {
  const size = Number(form.dataset.part);
  const url = form.dataset.url;
  progress.hidden = false;
  input.disabled = true;
  try {
    const { job } = await post(url, new URLSearchParams({ name: file.name, size: file.size }));
    let have = 0;
    let failed = 0;
    while (have < file.size) {
      sent.textContent = `${Math.floor((100 * have) / file.size)} % of ${file.name} is sent.`;
      progress.value = have / file.size;
      try {
        const part = file.slice(have, have + size);
        have = (await post(`${url}/${job}/part?offset=${have}`, part, "application/octet-stream")).bytes;
        failed = 0;
      } catch (error) {
        failed += 1;
        if (error.final || failed === TRIES) throw error;
        sent.textContent = `The connection is lost; trying again (${failed}).`;
        await sleep(WAIT * failed);
      }
    }
    sent.textContent = `${file.name} is sent.`;
    const answer = await fetch(`${url}/${job}/status`);
    jobs.insertAdjacentHTML("afterbegin", await answer.text());
    follow(jobs.firstElementChild);
  } catch (error) {
    sent.textContent = `Not sent: ${error.message}`;
  } finally {
    progress.hidden = true;
    input.disabled = false;
    input.value = "";
  }
}

async function follow(section) {
  while (["ready", "running"].includes(section.dataset.state)) {
    await sleep(WAIT);
    try {
      const answer = await fetch(section.dataset.url);
      if (!answer.ok) continue;
      const made = document.createElement("template");
      made.innerHTML = await answer.text();
      const fresh = made.content.firstElementChild;
      section.replaceWith(fresh);
      section = fresh;
    } catch {
      // the next look may succeed
    }
  }
}

input?.addEventListener("change", () => input.files.length && give(input.files[0]));
form?.addEventListener("dragover", (event) => event.preventDefault());
form?.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length) give(event.dataTransfer.files[0]);
});
jobs.querySelectorAll(".job").forEach(follow);
