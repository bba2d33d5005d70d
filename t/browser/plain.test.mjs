// Without a script, by the keyboard alone, and at every width: nothing is cut off, and everything can be reached.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {CARDS, fillForm, isPaid, openCheckout, payButton, poll, readyToPay, run, shoot, test} from './harness.mjs';

test('without JavaScript, up to the card form', {javaScriptEnabled: false}, async ({page, shop}) => {
  await page.goto(`${shop}/`);
  assert.equal(await page.locator('li.shelf-book').count(), 3);
  await page.getByRole('link', {name: 'Details: The Art of Doing Science and Engineering'}).click();
  await page.getByRole('link', {name: /^Buy now/}).click();
  assert.match(await page.locator('h1').textContent(), /The Art of Doing Science/);
  assert.match(await page.locator('noscript').first().innerText(), /JavaScript/);
  await shoot(page, 'no-javascript');
  assert.equal(await page.locator('#pay').isVisible(), false, 'nothing to press that would lead nowhere');
  assert.match(await page.locator('main').innerText(), /\$23\.00/);
});

// Tab until an element holds the focus for which CODE (in the page) is true.
async function tabTo(page, what, isThere) {
  for (let step = 0; step < 60; step += 1) {
    await page.keyboard.press('Tab');
    if (await isThere()) {
      const ring = await page.evaluate(() => {
        const style = getComputedStyle(document.activeElement);
        return style.outlineStyle !== 'none' || style.boxShadow !== 'none' || document.activeElement.tagName === 'IFRAME';
      });
      assert.ok(ring, `the focus on ${what} can be seen`);
      return;
    }
  }
  throw new Error(`${what} can't be reached with Tab`);
}

test('by the keyboard alone', async ({page, shop}) => {
  const focused = (selector) => page.evaluate((css) => document.activeElement?.matches(css) ?? false, selector);
  await page.goto(`${shop}/`);
  await page.keyboard.press('Tab');
  assert.ok(await focused('.skip-link'), 'the first stop skips to the content');
  await page.keyboard.press('Enter');
  assert.ok(await focused('#main'), 'and does');
  await tabTo(page, 'Buy', () => focused('a.button[href*="checkout"]'));
  await page.keyboard.press('Enter');
  await readyToPay(page);
  await tabTo(page, 'the e-mail', () => focused('#email'));
  await page.keyboard.type('keys@example.com');
  const card = () => page.frames().find((frame) => /payment/.test(frame.url()));
  const inFrame = (id) => () => card().evaluate((name) => document.activeElement?.id === name && document.hasFocus(), id);
  await tabTo(page, 'the card number', inFrame('number'));
  await page.keyboard.type(CARDS.good);
  await tabTo(page, 'the date', inFrame('expiry'));
  await page.keyboard.type('1234');
  await tabTo(page, 'the code', inFrame('cvc'));
  await page.keyboard.type('123');
  await tabTo(page, 'Pay', () => focused('#pay'));
  await page.keyboard.press('Enter');
  await isPaid(page);
});

const WIDTHS = [[320, 640], [768, 1024], [1280, 900]];

async function isWhole(page, name) {
  const {wide, inner, cut} = await page.evaluate(() => {
    const inside = document.documentElement.clientWidth;
    const over = [...document.querySelectorAll('body *')].filter((element) => {
      const box = element.getBoundingClientRect();
      return box.width > 0 && box.right > inside + 1 && !element.closest('.visually-hidden, .skip-link');
    });
    return {wide: document.documentElement.scrollWidth, inner: inside, cut: over.slice(0, 3).map((element) => element.outerHTML.slice(0, 100))};
  });
  assert.ok(wide <= inner, `${name}: ${wide} px of content in ${inner} px\n${cut.join('\n')}`);
  assert.deepEqual(cut, [], `${name}: nothing sticks out`);
  const small = await page.evaluate(() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea')]
    .filter((field) => parseFloat(getComputedStyle(field).fontSize) < 16).map((field) => field.id));
  assert.deepEqual(small, [], `${name}: no field makes a phone zoom`);
}

for (const colorScheme of ['light', 'dark']) {
  for (const [width, height] of WIDTHS) {
    test(`${width} px, ${colorScheme}`, {viewport: {width, height}, colorScheme, expect: /status of 40[04]/}, async ({page, shop, sandbox}) => {
      const look = async (name) => {
        await isWhole(page, name);
        await shoot(page, `${name}-${width}-${colorScheme}`);
      };
      await page.goto(`${shop}/`);
      await look('index');
      await page.goto(`${shop}/books/2`);
      await look('book');
      await page.goto(`${shop}/checkout?item=4`);
      await look('no-item');
      await page.goto(`${shop}/success?pi=pi_nope`);
      await look('unknown-payment');
      await openCheckout(page, shop, '2');
      await look('checkout');
      await page.locator('#pay').click();
      await page.locator('#email-error').waitFor({state: 'visible'});
      await look('checkout-error');
      const intent = await page.locator('#checkout-form').getAttribute('data-payment-intent');
      const address = await page.locator('#checkout-form').getAttribute('data-success-url');
      await page.goto(new URL(address, shop).href);
      await page.locator('[data-state="action_needed"]').waitFor();
      await look('success-action-needed');
      for (const [state, set] of [['processing', {status: 'processing'}], ['authorized', {status: 'requires_capture'}]]) {
        await sandbox.call('POST', `objects/${intent}`, {set});
        await page.goto(new URL(address, shop).href);
        await page.locator(`[data-state="${state}"]`).waitFor();
        await look(`success-${state}`);
      }
      await sandbox.call('POST', `objects/${intent}`, {set: {status: 'succeeded', amount_received: 2500}});
      await page.goto(new URL(address, shop).href);
      await page.locator('[data-state="paid"]').waitFor();
      await look('success-paid');
    });
  }
}

test('large text: the pages hold at twice the size', {viewport: {width: 640, height: 900}, deviceScaleFactor: 1}, async ({page, shop}) => {
  for (const address of ['/', '/books/1', '/checkout?item=1']) {
    await page.goto(`${shop}${address}`);
    await page.evaluate(() => {
      document.documentElement.style.fontSize = '200%';
    });
    await poll('the page is laid out', () => page.evaluate(() => document.fonts.ready.then(() => true)));
    const {wide, inner} = await page.evaluate(() => ({wide: document.documentElement.scrollWidth, inner: document.documentElement.clientWidth}));
    assert.ok(wide <= inner, `${address}: ${wide} px of content in ${inner} px`);
  }
});

test('printed, the receipt is a receipt', async ({page, shop}) => {
  await openCheckout(page, shop);
  await fillForm(page);
  await payButton(page).click();
  await isPaid(page);
  await page.emulateMedia({media: 'print'});
  await shoot(page, 'receipt-print');
  assert.equal(await page.locator('.order-number').isVisible(), true);
  assert.equal(await page.locator('.way-back').isVisible(), false);
});

await run();
