// A book is bought: at once, after a decline, and through the bank's question.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {bankFrame, cardFrame, CARDS, fillCard, fillForm, isPaid, openCheckout, payButton, poll, problemWords, readyToPay, run, shoot, test}
  from './harness.mjs';

const bankPage = {expect: /favicon\.ico/};  // the sandbox has none
const declines = {expect: /status of 402/};
const intentOf = (page) => page.locator('#checkout-form').getAttribute('data-payment-intent');

test('from the shelf to the receipt with 4242', async ({page, shop, sandbox}) => {
  await page.goto(`${shop}/`);
  await page.getByRole('link', {name: /^Buy The Art of Doing Science/}).click();
  await readyToPay(page);
  assert.equal(await payButton(page).textContent(), 'Pay $23.00');
  const intent = await intentOf(page);
  await fillForm(page);
  await payButton(page).click();
  await isPaid(page);
  const words = await page.locator('main').textContent();
  assert.match(words, /The Art of Doing Science and Engineering/);
  assert.match(words, /\$23\.00/);
  assert.match(words, /reader@example\.com/);
  assert.doesNotMatch(page.url(), /_secret_|redirect_status/);
  const paid = await sandbox.intent(intent);
  assert.equal(paid.status, 'succeeded');
  assert.equal(paid.amount_received, 2300);
  await shoot(page, 'receipt');
  await page.reload();
  await isPaid(page);
});

test('the fields come back after a decline, and another card pays', declines, async ({page, shop, sandbox}) => {
  await openCheckout(page, shop, '2');
  const intent = await intentOf(page);
  await fillForm(page, {email: 'patient@example.com', card: CARDS.declined});
  await payButton(page).click();
  assert.match(await problemWords(page), /declined.*You have not been charged/s);
  await poll('the button is back', () => payButton(page).isEnabled());
  assert.equal(await payButton(page).textContent(), 'Pay $25.00');
  assert.equal(await page.getByLabel('E-mail').inputValue(), 'patient@example.com');
  assert.equal(await page.getByLabel('E-mail').isEditable(), true);
  assert.equal((await cardFrame(page).getByLabel('Card number').inputValue()).replaceAll(' ', ''), CARDS.declined);
  assert.equal(await intentOf(page), intent);
  await shoot(page, 'declined');
  await fillCard(page, CARDS.good);
  await payButton(page).click();
  await isPaid(page);
  assert.equal((await sandbox.intent(intent)).status, 'succeeded');
  assert.match(await page.locator('main').textContent(), /patient@example\.com/);
});

test('too little money is said as such', declines, async ({page, shop}) => {
  await openCheckout(page, shop);
  await fillForm(page, {card: CARDS.insufficientFunds});
  await payButton(page).click();
  assert.match(await problemWords(page), /insufficient funds/i);
});

test('the bank asks, and the buyer says yes', async ({page, shop, sandbox}) => {
  await openCheckout(page, shop, '3');
  const intent = await intentOf(page);
  await fillForm(page, {card: CARDS.threeDSecure});
  await payButton(page).click();
  const yes = bankFrame(page).getByRole('button', {name: 'Complete'});
  await yes.waitFor();
  assert.equal(await payButton(page).isDisabled(), true, 'while the bank asks, nothing else can be pressed');
  assert.equal(await payButton(page).textContent(), 'Contacting your bank ...');
  await shoot(page, 'three-d-secure');
  await yes.click();
  await isPaid(page);
  assert.equal((await sandbox.intent(intent)).status, 'succeeded');
});

test('the bank asks, the buyer says no, and pays with another card', async ({page, shop, sandbox}) => {
  await openCheckout(page, shop, '3');
  const intent = await intentOf(page);
  await fillForm(page, {card: CARDS.threeDSecure});
  await payButton(page).click();
  await bankFrame(page).getByRole('button', {name: 'Fail'}).click();
  assert.match(await problemWords(page), /authenticate.*You have not been charged/s);
  await poll('the button is back', () => payButton(page).isEnabled());
  assert.equal((await sandbox.intent(intent)).amount_received, 0);
  await fillCard(page, CARDS.good);
  await payButton(page).click();
  await isPaid(page);
  assert.equal((await sandbox.intent(intent)).status, 'succeeded');
});

test('the bank has a page of its own, and leads back to an address without secrets', bankPage, async ({page, shop, sandbox}) => {
  await openCheckout(page, shop);
  const intent = await intentOf(page);
  await fillForm(page, {card: CARDS.bankPage});
  await payButton(page).click();
  await page.getByRole('button', {name: 'Complete'}).click();
  await isPaid(page);
  assert.doesNotMatch(page.url(), /_secret_|redirect_status|payment_intent=/);
  assert.equal((await sandbox.intent(intent)).status, 'succeeded');
});

test('the bank\'s page says no: the payment is not finished, and can be taken up again', bankPage, async ({page, shop, sandbox}) => {
  await openCheckout(page, shop);
  const intent = await intentOf(page);
  await fillForm(page, {card: CARDS.bankPage, email: 'again@example.com'});
  await payButton(page).click();
  await page.getByRole('button', {name: 'Fail'}).click();
  await page.locator('[data-state="action_needed"]').waitFor();
  assert.match(await page.locator('main').textContent(), /You have not been charged/);
  await page.getByRole('link', {name: 'Go back to the payment'}).click();
  await readyToPay(page);
  assert.equal(await intentOf(page), intent);
  await fillForm(page);
  await payButton(page).click();
  await isPaid(page);
  assert.equal((await sandbox.intent(intent)).amount_received, 2300);
});

test('a payment on its way is watched until it has arrived', async ({page, shop, sandbox}) => {
  await openCheckout(page, shop);
  const intent = await intentOf(page);
  await fillForm(page, {card: CARDS.processing});
  await payButton(page).click();
  await page.locator('[data-state="processing"]').waitFor();
  assert.match(await page.locator('#watch').textContent(), /looks again by itself/);
  await sandbox.call('POST', `payment_intents/${intent}/succeed`);
  await page.locator('[data-state="paid"]').waitFor({timeout: 30000});
});

test('an e-mail that is none is said beside the field, and nothing is sent', async ({page, shop, sandbox}) => {
  await openCheckout(page, shop);
  const intent = await intentOf(page);
  const sent = [];
  page.on('request', (request) => request.method() === 'POST' && sent.push(request.url()));
  for (const email of ['', 'reader', 'reader@', 'a b@example.com']) {
    await page.getByLabel('E-mail').fill(email);
    await payButton(page).click();
    await page.locator('#email-error').waitFor({state: 'visible'});
    assert.equal(await page.getByLabel('E-mail').getAttribute('aria-invalid'), 'true');
    assert.match(await page.locator('#email-error').textContent(), /Please enter/);
  }
  assert.deepEqual(sent.filter((url) => url.startsWith(shop)), []);
  await shoot(page, 'bad-email');
  await fillForm(page);
  await payButton(page).click();
  await isPaid(page);
  assert.equal((await sandbox.intent(intent)).status, 'succeeded');
});

test('an unfinished card is said, and nothing is charged', async ({page, shop, sandbox}) => {
  await openCheckout(page, shop);
  const intent = await intentOf(page);
  await page.getByLabel('E-mail').fill('reader@example.com');
  await cardFrame(page).getByLabel('Card number').fill('42424242');
  await payButton(page).click();
  assert.match(await problemWords(page), /incomplete|number/i);
  await poll('the button is back', () => payButton(page).isEnabled());
  assert.equal((await sandbox.intent(intent)).status, 'requires_payment_method');
});

test('pressing Pay twice, and Enter on top, pays once', async ({page, shop, sandbox}) => {
  const before = (await sandbox.intents()).length;
  await openCheckout(page, shop);
  const intent = await intentOf(page);
  await fillForm(page);
  await page.evaluate(() => {
    const button = document.getElementById('pay');
    button.click();
    button.click();
    document.getElementById('checkout-form').requestSubmit();
  });
  await isPaid(page);
  assert.equal((await sandbox.intents()).length, before + 1);
  assert.equal((await sandbox.intent(intent)).amount_received, 2300);
});

test('a card number in the e-mail field goes nowhere', async ({page, shop}) => {
  await openCheckout(page, shop);
  const bodies = [];
  page.on('request', (request) => request.url().startsWith(shop) && bodies.push(request.postData() ?? ''));
  await page.getByLabel('E-mail').fill('4242424242424242@example.com');
  await payButton(page).click();
  await page.locator('#email-error').waitFor({state: 'visible'});
  assert.equal(bodies.some((body) => body.includes('4242424242424242')), false);
});

await run();
