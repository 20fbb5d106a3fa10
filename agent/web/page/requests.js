// What the page asks of the simulated world, one after the other in the order of the clicks.

import { t } from "./language.js";

let before = Promise.resolve();

/** Ask it; what was refused or lost is told to `complain` in a sentence. Resolves to whether it was done. */
export function ask(method, path, body, complain) {
  const asked = before.then(() => send(method, path, body, complain));
  before = asked;
  return asked;
}

async function send(method, path, body, complain) {
  const options = { method };
  if (body !== undefined) {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  try {
    const answer = await fetch(path, options);
    if (!answer.ok) complain((await answer.json()).detail);
    return answer.ok;
  } catch {
    complain(t("no-answer"));
    return false;
  }
}
