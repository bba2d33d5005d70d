// What the browser tests share: Chromium, TAP, the shop and its sandbox, and the steps of a purchase.
// SPDX-License-Identifier: Apache-2.0
import {spawn} from 'node:child_process';
import {accessSync, constants, mkdirSync} from 'node:fs';
import path from 'node:path';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';
import {chromium} from 'playwright-core';

const WORK = process.env.BOOKSHOP_TEST_WORK;
if (!WORK) {
  console.log('Bail out! Please call the browser tests through t/TEST or scripts/test.');
  process.exit(1);
}
const SLOWNESS = Number(process.env.BOOKSHOP_TEST_SLOWNESS ?? 1);
const STEP_LIMIT_MS = 20000 * SLOWNESS;
const TEST_LIMIT_MS = 90000 * SLOWNESS;
const HERE = path.dirname(fileURLToPath(import.meta.url));

export const SCREENSHOTS = path.join(WORK, 'screenshots');
export const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

export function chromiumPath() {
  for (const folder of (process.env.PATH ?? '').split(':')) {
    for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
      const file = path.join(folder, name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // the next one
      }
    }
  }
  throw new Error('Chromium is not here: scripts/setup test installs it');
}

// The sandbox's control API.
export class Sandbox {
  constructor(url) {
    this.url = url;
  }

  async call(method, address, data) {
    const response = await fetch(`${this.url}/_sandbox/${address}`, {method, body: data && JSON.stringify(data)});
    if (!response.ok) {
      throw new Error(`sandbox: ${method} ${address}: ${response.status} ${await response.text()}`);
    }
    return response.json();
  }

  async intents() {
    return (await this.call('GET', 'ledger?kind=payment_intent')).payment_intent;
  }

  intent(id) {
    return this.call('GET', `objects/${id}`);
  }

  fault(fault) {
    return this.call('POST', 'faults', fault);
  }

  clearFaults() {
    return this.call('DELETE', 'faults');
  }
}

export const SUITE_SHOP = {
  shop: `http://127.0.0.1:${process.env.BOOKSHOP_TEST_SHOP_PORT}`,
  sandbox: `http://127.0.0.1:${process.env.BOOKSHOP_TEST_SANDBOX_PORT}`,
};

// A shop and a sandbox of this test's own; they end with it.
export async function serve(name, env = {}) {
  const child = spawn(process.env.PERL ?? 'perl', [path.join(HERE, '..', 'bin', 'serve'), name],
    {stdio: ['pipe', 'pipe', 'inherit'], env: {...process.env, ...env}});
  const lines = createInterface({input: child.stdout});
  const line = await Promise.race([
    new Promise((resolve) => lines.once('line', resolve)),
    new Promise((_, reject) => child.once('exit', (code) => reject(new Error(`t/bin/serve ended with ${code}`)))),
  ]);
  return {...JSON.parse(line), stop: () => new Promise((resolve) => {
    child.once('exit', resolve);
    child.stdin.end();
  })};
}

// Until CODE is true, looked at now and then; an error names WHAT did not come.
export async function poll(what, code, limit = STEP_LIMIT_MS) {
  const deadline = Date.now() + limit;
  for (;;) {
    const answer = await code();
    if (answer) {
      return answer;
    }
    if (Date.now() > deadline) {
      throw new Error(`${what}: not within ${limit} ms`);
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
}

const tests = [];

// test(NAME, options, async ({page, context, browser, shop, sandbox, newPage}) => ...). Options: those of a Playwright
// context, `expect` (a regular expression for what the console may complain of), `at` (a shop that is not the suite's).
export function test(name, options, code) {
  tests.push(code ? {name, options, code} : {name, options: {}, code: options});
}

function slug(text) {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '').slice(0, 80);
}

// The card form's frame has got its size, and what is in it has taken it up.
async function cardFormIsLaidOut(page) {
  const frame = page.locator('iframe[title="Secure payment input frame"]');
  if (await frame.count() === 0 || !await frame.isVisible()) {
    return true;
  }
  const outside = await frame.boundingBox();
  const inside = await cardFrame(page).locator('#form').boundingBox();
  return outside && inside && inside.width > outside.width - 20 && inside.height <= outside.height + 1;
}

export async function shoot(page, name) {
  mkdirSync(SCREENSHOTS, {recursive: true});
  await poll('the card form is laid out', () => cardFormIsLaidOut(page));
  await page.screenshot({path: path.join(SCREENSHOTS, `${name}.png`), fullPage: true});
}

async function runOne(browser, {name, options, code}) {
  const {expect: expected, at = SUITE_SHOP, ...contextOptions} = options;
  const context = await browser.newContext({viewport: {width: 1280, height: 900}, locale: 'en-US', ...contextOptions});
  const complaints = [];
  const newPage = async () => {
    const page = await context.newPage();
    page.setDefaultTimeout(STEP_LIMIT_MS);
    page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) {
        complaints.push(`${message.type()}: ${message.text()} ${message.location().url}`);
      }
    });
    return page;
  };
  const page = await newPage();
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${TEST_LIMIT_MS} ms`)), TEST_LIMIT_MS);
  });
  try {
    await Promise.race([code({page, context, browser, newPage, shop: at.shop, sandbox: new Sandbox(at.sandbox)}), limit]);
    const unexpected = complaints.filter((line) => !expected?.test(line));
    if (unexpected.length) {
      throw new Error(`the console says:\n${unexpected.join('\n')}`);
    }
    return null;
  } catch (error) {
    for (const [index, open] of context.pages().entries()) {
      await shoot(open, `failed-${slug(name)}-${index}`).catch(() => {});
    }
    return [error.stack ?? String(error), ...complaints].join('\n');
  } finally {
    clearTimeout(timer);
    await context.close();
  }
}

// Runs the tests one after the other, in one Chromium, and prints TAP.
export async function run() {
  const browser = await chromium.launch({executablePath: chromiumPath(), args: FLAGS});
  let failures = 0;
  console.log('TAP version 13');
  console.log(`1..${tests.length}`);
  for (const [index, one] of tests.entries()) {
    const trouble = await runOne(browser, one);
    failures += trouble ? 1 : 0;
    console.log(`${trouble ? 'not ok' : 'ok'} ${index + 1} - ${one.name}`);
    if (trouble) {
      console.error(`# ${one.name}\n${trouble.replace(/^/gm, '#   ')}`);
    }
  }
  await browser.close();
  process.exitCode = failures ? 1 : 0;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => process.exit(1));
}

// --- The steps of a purchase

export const CARDS = {
  good: '4242424242424242',
  declined: '4000000000000002',
  insufficientFunds: '4000000000009995',
  threeDSecure: '4000002500003155',
  processing: '4000009900000012', // this one and the next are the sandbox's own
  bankPage: '4000009900000020',
};

export const cardFrame = (page) => page.frameLocator('iframe[title="Secure payment input frame"]');
export const bankFrame = (page) => page.frameLocator('iframe[title="3D Secure 2 Test Page"]');
export const payButton = (page) => page.locator('#pay');
export const problem = (page) => page.locator('#problem');

export async function readyToPay(page) {
  await poll('the card form is ready', () => payButton(page).isEnabled());
}

export async function openCheckout(page, shop, item = '1') {
  await page.goto(`${shop}/checkout?item=${item}`);
  await readyToPay(page);
}

export async function fillCard(page, number) {
  const frame = cardFrame(page);
  await frame.getByLabel('Card number').fill(number);
  await frame.getByLabel('Expiration date').fill('12 / 34');
  await frame.getByLabel('Security code').fill('123');
}

export async function fillForm(page, {email = 'reader@example.com', card = CARDS.good} = {}) {
  await page.getByLabel('E-mail').fill(email);
  await fillCard(page, card);
}

export async function isPaid(page) {
  await page.waitForURL(/\/success\?/);
  await page.locator('[data-state="paid"]').waitFor();
}

// The problem's words, once they are there and the form can be used again.
export async function problemWords(page) {
  await problem(page).waitFor({state: 'visible'});
  return page.locator('#problem-text').textContent();
}
