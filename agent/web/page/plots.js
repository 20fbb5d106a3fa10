// What happens in each story.

import { CARDS } from "./controls.js";

const [ANNA, BEN, CARLA, , BLOCKED] = CARDS;

const SPRING_MS = 4000; // a motor's bolt does not move before the next tap

const owed = ({ state }) => state.owed.supplier + state.owed.broker;
const fault = (code) => ({ state }) => state.faults.some((each) => each.code === code);

/** Two drivers come, a third and a blocked card are turned away, everybody leaves. */
async function day(on) {
  await on.say("day-1");
  const first = await on.start(ANNA);
  await on.controls.drive(first, true);
  await on.say("day-2", { number: first });
  await on.say("day-3");
  await on.tap(BLOCKED);
  await on.say("day-4");
  const second = await on.start(BEN);
  await on.controls.drive(second, true);
  await on.say("day-5", { number: second });
  await on.tap(CARLA);
  await on.say("day-6");
  await on.end(ANNA, first);
  await on.say("day-7", { number: first });
  await on.controls.drive(first, false);
  await on.end(BEN, second);
  await on.controls.drive(second, false);
  await on.settled();
  await on.say("day-8");
}

/** A session starts, supplier and broker vanish, the driver still leaves, and all is paid when they are back. */
async function network(on) {
  await on.say("network-1");
  const number = await on.start(ANNA);
  await on.controls.drive(number, true);
  await on.settled();
  await on.say("network-2", { number });
  await on.controls.fault("supplier-down", true);
  await on.controls.fault("broker-down", true);
  await on.say("network-3");
  await on.end(ANNA, number);
  await on.controls.drive(number, false);
  await on.until((latest) => owed(latest) > 0);
  await on.say("network-4");
  await on.controls.fault("supplier-down", false);
  await on.controls.fault("broker-down", false);
  await on.say("network-5");
  await on.settled();
  await on.say("network-6");
}

/** A bolt does not let a vehicle go, support is called, somebody mends it, the next tap opens. */
async function bolt(on) {
  await on.say("bolt-1");
  const number = await on.start(ANNA);
  await on.controls.drive(number, true);
  await on.settled();
  await on.controls.fault(`lock-jammed-${number}`, true);
  await on.say("bolt-2", { number });
  await on.tapUntil(ANNA, fault("UnlockFailed"));
  await on.say("bolt-3", { number });
  await on.controls.fault(`lock-jammed-${number}`, false);
  await on.say("bolt-4");
  const open = (latest) => !fault("UnlockFailed")(latest) && on.slot(number).status === "free";
  if (!await on.happens(open, SPRING_MS)) await on.tapUntil(ANNA, open);
  await on.controls.drive(number, false);
  await on.settled();
  await on.say("bolt-5", { number });
}

export const STORIES = { day, network, bolt };
