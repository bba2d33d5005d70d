// success.js: small services of the success page: print, copy the link, and a look now and then at a payment under way.
// SPDX-License-Identifier: Apache-2.0

const FIRST_LOOK_MS = 4000;
const SLOWER_BY = 1.5;
const SLOWEST_LOOK_MS = 30000;
const LOOKS = 12;  // some four minutes, then the visitor is told to come back later

function toolButton(label, action) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'button button-quiet';
  button.textContent = label;
  button.addEventListener('click', () => action(button));
  return button;
}

function offerTools() {
  const tools = document.getElementById('order-tools');
  const link = document.getElementById('order-link');
  if (!tools || !link) {
    return;
  }
  tools.append(toolButton(tools.dataset.sayPrint, () => window.print()));
  if (navigator.clipboard?.writeText) {
    tools.append(toolButton(tools.dataset.sayCopy, async (button) => {
      try {
        await navigator.clipboard.writeText(link.href);
        button.textContent = tools.dataset.sayCopied;
      } catch {
        link.focus();  // the browser won't: the link itself is the next best thing
      }
    }));
  }
}

function stateOf(page) {
  return page.querySelector('[data-state]')?.dataset.state ?? '';
}

// True once the page would say something else than it does now.
async function hasMoved() {
  try {
    const response = await fetch(window.location.href, {credentials: 'same-origin', cache: 'no-store'});
    if (!response.ok) {
      return false;
    }
    const now = stateOf(new DOMParser().parseFromString(await response.text(), 'text/html'));
    return now !== '' && now !== stateOf(document);
  } catch {
    return false;
  }
}

function watchPayment(line) {
  let wait = FIRST_LOOK_MS;
  let left = LOOKS;
  const look = async () => {
    if (!document.hidden) {
      if (await hasMoved()) {
        window.location.reload();
        return;
      }
      left -= 1;
      wait = Math.min(wait * SLOWER_BY, SLOWEST_LOOK_MS);
    }
    if (left > 0) {
      window.setTimeout(look, wait);
    } else {
      line.textContent = line.dataset.sayStopped;
    }
  };
  line.textContent = line.dataset.sayWatching;
  window.setTimeout(look, wait);
}

offerTools();
const line = document.getElementById('watch');
if (line) {
  watchPayment(line);
}
