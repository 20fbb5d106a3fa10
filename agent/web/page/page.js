// Puts the page together: one connection, and the parts that listen to it.

import { announce } from "./announcer.js";
import { connectionShown } from "./connection.js";
import { Controls } from "./controls.js";
import { Details } from "./details.js";
import { Diagram } from "./diagram.js";
import { byId, setAttribute } from "./elements.js";
import { current, onLanguage, show, speak, t } from "./language.js";
import { Live } from "./live.js";
import { StationDrawing } from "./station.js";
import { storyButtons } from "./stories.js";
import { SupplierSide } from "./supplier.js";

const AGAIN_MS = 2_000;

function languages() {
  const buttons = [...document.querySelectorAll("[data-language]")];
  for (const button of buttons) button.addEventListener("click", () => speak(button.dataset.language));
  onLanguage(() => {
    for (const button of buttons) setAttribute(button, "aria-pressed", button.dataset.language === current());
  });
}

/** What the page has to know before it can be drawn; asked until it is answered. */
async function whatStation(complain) {
  for (;;) {
    try {
      const answer = await fetch("/api/page");
      if (answer.ok) return await answer.json();
    } catch {
      complain();
    }
    await new Promise((resolve) => { setTimeout(resolve, AGAIN_MS); });
  }
}

function parts(live, page) {
  const drawn = [new StationDrawing(live, page), new Details(live, page), new Diagram(live)];
  if (!page.simulated) return drawn;
  for (const section of document.querySelectorAll(".simulation")) section.hidden = false;
  byId("kind").hidden = false;
  const controls = new Controls(live, page);
  storyButtons(live, page, controls);
  return [...drawn, controls, new SupplierSide(live)];
}

async function main() {
  languages();
  show();
  const live = new Live();
  connectionShown(live);
  const page = await whatStation(() => live.become("lost"));
  byId("station-id").textContent = page.stationId;
  onLanguage(() => { document.title = `${t("station")} ${page.stationId}`; });
  document.body.classList.toggle("simulated", page.simulated);
  parts(live, page);
  announce(live);
  live.start();
}

main();
