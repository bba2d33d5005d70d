// Stripe out of reach, seen from the browser: kind words, a way on, and a form that comes back.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {fillForm, isPaid, openCheckout, payButton, poll, problemWords, readyToPay, run, serve, shoot, test} from './harness.mjs';

const at = await serve('browser-outage', {BOOKSHOP_SERVE_ANNOUNCE: 'Stripe|stripe|BKS', BOOKSHOP_SERVE_LINES: 'BookshopStripeTimeout connect=2 total=5'});
const sorry = /Sorry, your payment cannot be processed right now\. Please try again later\./;

async function backAgain(page, shop) {
  await poll('the checkout is back', async () => (await page.goto(`${shop}/checkout?item=1`)).status() === 200);
  await readyToPay(page);
}

test('Stripe is down: the shelf is open, the checkout is sorry, and comes back', {at, expect: /status of 503/}, async ({page, shop, sandbox}) => {
  await sandbox.fault({kind: 'drop_before', times: 0});
  assert.equal((await page.goto(`${shop}/`)).status(), 200);
  const answer = await page.goto(`${shop}/checkout?item=1`);
  assert.equal(answer.status(), 503);
  assert.ok(Number(answer.headers()['retry-after']) > 0);
  assert.match(await page.locator('main').textContent(), sorry);
  assert.equal(await page.locator('form').count(), 0);
  await shoot(page, 'stripe-down');
  await sandbox.clearFaults();
  await backAgain(page, shop);
  await fillForm(page);
  await payButton(page).click();
  await isPaid(page);
});

test('Stripe is slow: Pay says what happens, and goes through', {at}, async ({page, shop, sandbox}) => {
  await openCheckout(page, shop);
  await fillForm(page);
  await sandbox.fault({kind: 'delay', ms: 1500, times: 0, match: {path: 'confirm'}});
  await payButton(page).click();
  await poll('the button says what happens', async () => (await payButton(page).textContent()) === 'Contacting your bank ...');
  assert.equal(await payButton(page).isDisabled(), true);
  assert.equal(await page.getByLabel('E-mail').isEditable(), false);
  await shoot(page, 'contacting');
  await isPaid(page);
  await sandbox.clearFaults();
});

test('the shop can\'t be reached when Pay is pressed', {at, expect: /ERR_|Failed to load/}, async ({page, context, shop}) => {
  await openCheckout(page, shop);
  await fillForm(page);
  await context.route('**/cache_checkout_data', (route) => route.abort('connectionrefused'));
  await payButton(page).click();
  assert.match(await problemWords(page), /couldn't reach the shop.*not been charged/s);
  await poll('the button is back', () => payButton(page).isEnabled());
  await context.unroute('**/cache_checkout_data');
  await payButton(page).click();
  await isPaid(page);
});

test('the shop answers with nonsense when Pay is pressed', {at, expect: /status of 502/}, async ({page, context, shop}) => {
  await openCheckout(page, shop);
  await fillForm(page);
  await context.route('**/cache_checkout_data', (route) => route.fulfill({status: 502, contentType: 'text/html', body: '<h1>proxy</h1>'}));
  await payButton(page).click();
  assert.match(await problemWords(page), sorry);
  await poll('the button is back', () => payButton(page).isEnabled());
  assert.equal(await page.locator('main h1', {hasText: 'proxy'}).count(), 0);
});

test('Stripe.js does not come', {at, expect: /ERR_|Failed to load/}, async ({page, context, shop}) => {
  await context.route('**/endive/stripe.js', (route) => route.abort());
  await page.goto(`${shop}/checkout?item=1`);
  assert.match(await problemWords(page), /card form could not be loaded.*not been charged/s);
  assert.equal(await payButton(page).isDisabled(), true);
  await shoot(page, 'no-stripe-js');
  await context.unroute('**/endive/stripe.js');
  await page.getByRole('link', {name: 'Reload this page'}).click();
  await readyToPay(page);
});

await run();
await at.stop();
