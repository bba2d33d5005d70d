// retry.js: a page that could not be served for the moment is asked for again, a few times, then left to the visitor.
// SPDX-License-Identifier: Apache-2.0

const WAIT_MS = 8000;
const TRIES = 4;
const FORGOTTEN_AFTER_MS = 60000;
const COUNT = 'bookshop-retry';

// How often this address was tried already; a browser that keeps nothing is not made to try at all.
function countTry(address) {
  try {
    const kept = JSON.parse(window.sessionStorage.getItem(COUNT) ?? 'null');
    const isSameTrouble = kept?.address === address && Date.now() - kept.last < FORGOTTEN_AFTER_MS;
    const tries = isSameTrouble ? kept.tries + 1 : 1;
    window.sessionStorage.setItem(COUNT, JSON.stringify({address, tries, last: Date.now()}));
    return tries;
  } catch {
    return Infinity;
  }
}

const line = document.getElementById('retry');
const address = window.location.href;
if (line && countTry(address) <= TRIES) {
  line.textContent = line.dataset.sayWaiting;
  window.setTimeout(() => window.location.replace(address), WAIT_MS);
}
