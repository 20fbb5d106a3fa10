"""What a browser under test is told to do within a page."""

SPY = """
if (!window.seen) {
  window.seen = {violations: [], lights: [], asking: 0, noted: {}};
  document.addEventListener('securitypolicyviolation', ({violatedDirective, blockedURI}) => {
    seen.violations.push(`${violatedDirective} ${blockedURI}`);
  });
  const ask = window.fetch.bind(window);
  window.fetch = (...asked) => {
    seen.asking += 1;
    return ask(...asked).finally(() => { seen.asking -= 1; });
  };
  window.EventSource = class extends EventSource {
    constructor(url) {
      super(url);
      window.spied = this;
      this.addEventListener('lights', (event) => seen.lights.push(JSON.parse(event.data)));
    }
  };
}
"""
"""Notes what a page does, and lets a test speak as the station: before the page's own modules are loaded."""

NOTE = """
const [css, what] = arguments;
const node = document.querySelector(css);
const values = seen.noted[`${css} ${what}`] = [];
new MutationObserver(() => {
  const shown = {text: node.textContent, children: node.childElementCount};
  const value = what in shown ? shown[what] : node.getAttribute(what);
  if (value !== values.at(-1)) values.push(value);
}).observe(node, {attributes: true, childList: true, characterData: true, subtree: what !== 'children'});
"""
"""Keeps every later value of an element's attribute, text or number of children."""

READ_ON = """
if (document.querySelector('#caption').textContent.includes(arguments[0])) return true;
const next = document.querySelector('#story-next');
if (!next.disabled) next.click();
return false;
"""
"""Go on with the story unless its caption has these words; whether it has."""

CLICK_STEP = """
document.querySelector(`[data-step='${arguments[0]}']`).dispatchEvent(new MouseEvent('click', {bubbles: true}));
"""

AXE = """
const [runOnly, done] = arguments;
axe.run(document, {runOnly, resultTypes: ['violations']}).then(({violations}) => done(violations));
"""

EVERYTHING = """
const copy = document.documentElement.cloneNode(true);
copy.querySelector('section.cards').remove();
return copy.outerHTML;
"""

VISIBLE = """
return [...document.querySelectorAll('button, select, input')].filter((node) => node.getClientRects().length)
"""

FOCUSED = """
const node = document.activeElement;
const {step, fault, story} = node.dataset;
return node === document.body ? 'BODY' : node.id || step || fault || story || node.textContent;
"""

RINGED = """
const node = document.activeElement;
const {outlineStyle, stroke} = getComputedStyle(node.querySelector('.row') ?? node);
return outlineStyle !== 'none' || stroke !== 'none';
"""

CUT_OFF = """
return [...document.querySelectorAll('button, h2:not(.unseen), dd')]
  .filter(({scrollWidth, clientWidth}) => clientWidth && scrollWidth > clientWidth + 1)
  .map(({textContent}) => textContent);
"""

MOVING = """
const durations = [...document.querySelectorAll('*')].map((node) => getComputedStyle(node).transitionDuration);
return durations.filter((each) => each.split(',').some((part) => parseFloat(part) > 0)).length;
"""

CLICK = """
const [which, where, done] = arguments;
const all = [...document.querySelectorAll('button:not(:disabled), select, input, [data-step]')]
  .filter((node) => node.getClientRects().length);
const node = all[Math.floor(which * all.length)];
if (node.matches('select, input')) {
  if (node.matches('select')) node.selectedIndex = Math.floor(where * node.options.length);
  else node.value = Math.floor(where * (Number(node.max) + 1));
  node.dispatchEvent(new Event('input', {bubbles: true}));
  node.dispatchEvent(new Event('change', {bubbles: true}));
} else {
  node.dispatchEvent(new MouseEvent('click', {bubbles: true}));
}
const settled = () => (seen.asking ? requestAnimationFrame(settled) : done(node.id || node.textContent));
requestAnimationFrame(settled);
"""
"""One click on a control or a step; a slider and a choice are set. Over when all it asked for is answered."""
