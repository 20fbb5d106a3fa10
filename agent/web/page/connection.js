// Says at the top whether what the page shows is how the station is now.

import { byId, setAttribute, setText } from "./elements.js";
import { clock, onLanguage, t } from "./language.js";

export function connectionShown(live) {
  const show = () => {
    const { state, since } = live.connection;
    const dead = state === "live" && live.latest.agent?.alive === false;
    const shown = dead ? "dead" : state;
    setText(byId("connection"), t(`connection-${shown}`, { since: clock(since) }));
    setAttribute(byId("connection"), "data-state", shown);
    // What is no news any more is drawn paler, so that nobody takes it for the present.
    document.body.classList.toggle("old", shown !== "live" && shown !== "connecting");
  };
  live.watch("connection", show);
  live.watch("agent", show);
  onLanguage(show);
}
