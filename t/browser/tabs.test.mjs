// Reloads, tabs, the back button, and links that belong to somebody else.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {CARDS, fillCard, fillForm, isPaid, openCheckout, payButton, poll, readyToPay, run, test} from './harness.mjs';

const intentOf = (page) => page.locator('#checkout-form').getAttribute('data-payment-intent');

test('reloads and a second tab share one PaymentIntent', async ({page, newPage, shop, sandbox}) => {
  const before = new Set((await sandbox.intents()).map(({id}) => id));
  await openCheckout(page, shop);
  const intent = await intentOf(page);
  for (let reload = 0; reload < 5; reload += 1) {
    await page.reload();
    await readyToPay(page);
    assert.equal(await intentOf(page), intent);
  }
  const second = await newPage();
  await openCheckout(second, shop);
  assert.equal(await intentOf(second), intent);
  const made = (await sandbox.intents()).filter(({id}) => !before.has(id));
  assert.deepEqual(made.map(({id}) => id), [intent]);
});

test('paid in one tab, the other is led to the receipt', {expect: /status of 4\d\d/}, async ({page, newPage, shop, sandbox}) => {
  await openCheckout(page, shop);
  const second = await newPage();
  await openCheckout(second, shop);
  const intent = await intentOf(page);
  await fillForm(page);
  await payButton(page).click();
  await isPaid(page);
  await fillForm(second);
  await payButton(second).click();
  await poll('the second tab says how it stands', async () => /\/success\?/.test(second.url())
    || (await second.locator('#problem').isVisible()));
  assert.equal((await sandbox.intent(intent)).amount_received, 2300);
});

test('another book in a second tab: the first says so, reloads, and charges what it shows', {expect: /status of 409/},
  async ({page, newPage, shop, sandbox}) => {
    await openCheckout(page, shop, '1');
    await page.getByLabel('E-mail').fill('tabs@example.com');
    await fillCard(page, CARDS.good);
    const first = await intentOf(page);
    const second = await newPage();
    await openCheckout(second, shop, '2');
    assert.equal((await sandbox.intent(first)).status, 'canceled');
    await payButton(page).click();
    await poll('the words', async () => (await page.locator('main').textContent()).includes('Your bag has changed'));
    await poll('the reload', async () => (await intentOf(page).catch(() => first)) !== first);
    await readyToPay(page);
    assert.equal(await page.getByLabel('E-mail').inputValue(), 'tabs@example.com', 'what was typed is kept');
    const shown = await payButton(page).textContent();
    await fillCard(page, CARDS.good);
    const intent = await intentOf(page);
    await payButton(page).click();
    await isPaid(page);
    const paid = await sandbox.intent(intent);
    assert.equal(shown, `Pay $${(paid.amount_received / 100).toFixed(2)}`);
    assert.equal((await sandbox.intent(first)).amount_received, 0);
  });

test('back and forward', async ({page, shop, sandbox}) => {
  const before = new Set((await sandbox.intents()).map(({id}) => id));
  await page.goto(`${shop}/`);
  await page.getByRole('link', {name: /^Buy The Art/}).click();
  await readyToPay(page);
  const intent = await intentOf(page);
  await page.goBack();
  await page.getByRole('link', {name: /^Buy The Art/}).waitFor();
  await page.goForward();
  await readyToPay(page);
  assert.equal(await intentOf(page), intent);
  await fillForm(page);
  await payButton(page).click();
  await isPaid(page);
  await page.goBack();
  await poll('back from the receipt: a new purchase or the shelf, never the old form', async () => {
    const shown = await intentOf(page).catch(() => null);
    return !/\/checkout/.test(page.url()) || (shown && shown !== intent);
  });
  const made = (await sandbox.intents()).filter(({id}) => !before.has(id));
  assert.equal(made.filter(({status}) => status === 'succeeded').length, 1);
});

test('a book that there is not', {expect: /status of 40[04]/}, async ({page, shop}) => {
  const unknown = await page.goto(`${shop}/checkout?item=99`);
  assert.equal(unknown.status(), 404);
  assert.match(await page.locator('main').textContent(), /No item selected/);
  assert.equal(await page.locator('form').count(), 0);
  await page.getByRole('link', {name: 'See all books'}).click();
  await page.getByRole('link', {name: /^Buy The Art/}).waitFor();
  const missing = await page.goto(`${shop}/checkout`);
  assert.equal(missing.status(), 400);
  assert.match(await page.locator('main').textContent(), /No item selected/);
});

test('somebody else\'s receipt', {expect: /status of 404/}, async ({page, browser, shop}) => {
  await openCheckout(page, shop);
  const intent = await intentOf(page);
  await fillForm(page, {email: 'private@example.com'});
  await payButton(page).click();
  await isPaid(page);
  const link = await page.locator('#order-link').getAttribute('href');

  const stranger = await browser.newContext();
  const other = await stranger.newPage();
  const answer = await other.goto(`${shop}/success?pi=${intent}`);
  assert.equal(answer.status(), 404);
  assert.doesNotMatch(await other.content(), /private@example\.com/);
  const opened = await other.goto(link);
  assert.equal(opened.status(), 200, 'the signed link opens it anywhere');
  await isPaid(other);
  await stranger.close();
});

await run();
