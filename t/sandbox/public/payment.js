// Inside the Payment Element's frame: typing, checking, and confirming with Stripe's API. Card data stays here.
// SPDX-License-Identifier: Apache-2.0
'use strict';

const parentOrigin = decodeURIComponent(window.location.hash.slice(1));
const find = (id) => document.getElementById(id);
const form = find('form');
const inputs = { number: find('number'), expiry: find('expiry'), cvc: find('cvc') };
let given = { key: '', version: null, secret: null, options: {}, appearance: {} };

const tell = (kind, rest = {}) => window.parent.postMessage({ sandbox: kind, ...rest }, parentOrigin);

// ---- card numbers

const BRANDS = [
  { name: 'Visa', id: 'visa', starts: /^4/, lengths: [16], cvc: 3 },
  { name: 'Mastercard', id: 'mastercard', starts: /^(5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, lengths: [16], cvc: 3 },
  { name: 'American Express', id: 'amex', starts: /^3[47]/, lengths: [15], groups: [4, 6, 5], cvc: 4 },
  { name: 'Discover', id: 'discover', starts: /^(6011|64[4-9]|65)/, lengths: [16], cvc: 3 },
  { name: 'Diners Club', id: 'diners', starts: /^(30[0-5]|3[689])/, lengths: [14, 16], groups: [4, 6, 4], cvc: 3 },
  { name: 'JCB', id: 'jcb', starts: /^35/, lengths: [16], cvc: 3 },
  { name: 'UnionPay', id: 'unionpay', starts: /^62/, lengths: [16, 17, 18, 19], cvc: 3 },
];
const UNKNOWN = { name: '', id: 'unknown', lengths: [16], cvc: 4 };
const brandOf = (digits) => BRANDS.find((brand) => brand.starts.test(digits)) ?? UNKNOWN;
const digitsOf = (text) => text.replace(/\D/g, '');

function passesLuhn(digits) {
  const sum = [...digits].reverse().reduce((total, digit, place) => {
    const value = place % 2 ? digit * 2 : Number(digit);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

function groupDigits(digits, brand) {
  const groups = brand.groups && digits.length <= 15 ? brand.groups : [4, 4, 4, 4, 4];
  const parts = [];
  let from = 0;
  for (const length of groups) {
    if (from < digits.length) parts.push(digits.slice(from, from + length));
    from += length;
  }
  return parts.join(' ');
}

// ---- formatting while typing: the caret stays behind the digit that it was behind

function rewrite(input, text) {
  if (input.value === text) return;
  const digitsBefore = digitsOf(input.value.slice(0, input.selectionStart ?? 0)).length;
  const atEnd = input.selectionStart === input.value.length;
  input.value = text;
  if (document.activeElement !== input) return;
  let caret = 0;
  for (let seen = 0; caret < text.length && seen < digitsBefore; caret += 1) {
    if (/\d/.test(text[caret])) seen += 1;
  }
  if (atEnd) caret = text.length;
  input.setSelectionRange(caret, caret);
}

function formatNumber() {
  const all = digitsOf(inputs.number.value);
  const brand = brandOf(all);
  const digits = all.slice(0, Math.max(...brand.lengths));
  rewrite(inputs.number, groupDigits(digits, brand));
  find('brand').textContent = brand.name;
  inputs.cvc.maxLength = brand.cvc;
}

function formatExpiry(event) {
  const deleting = event?.inputType?.startsWith('delete');
  let digits = digitsOf(inputs.expiry.value);
  const year = /^\s*(\d{1,2})\s*\/\s*(?:20)?(\d{2})\s*$/.exec(inputs.expiry.value);
  if (year) digits = year[1].padStart(2, '0') + year[2];
  else if (/^[2-9]/.test(digits) || /^1\s*\//.test(inputs.expiry.value)) digits = `0${digits}`;
  digits = digits.slice(0, 4);
  const slash = digits.length > 2 || (digits.length === 2 && !deleting);
  rewrite(inputs.expiry, slash ? `${digits.slice(0, 2)} / ${digits.slice(2)}` : digits);
}

function formatCvc() {
  rewrite(inputs.cvc, digitsOf(inputs.cvc.value).slice(0, brandOf(digitsOf(inputs.number.value)).cvc));
}

// ---- checks: [code, Stripe's words], or null

const LAST_YEAR = 50;

const CHECKS = {
  number() {
    const digits = digitsOf(inputs.number.value);
    const brand = brandOf(digits);
    if (digits.length < Math.min(...brand.lengths)) return ['incomplete_number', 'Your card number is incomplete.'];
    return passesLuhn(digits) && brand.lengths.includes(digits.length) ? null : ['invalid_number', 'Your card number is invalid.'];
  },
  expiry() {
    const digits = digitsOf(inputs.expiry.value);
    if (digits.length < 4) return ['incomplete_expiry', "Your card's expiration date is incomplete."];
    const month = Number(digits.slice(0, 2));
    const year = 2000 + Number(digits.slice(2));
    const now = new Date();
    if (month < 1 || month > 12) return ['invalid_expiry_month', "Your card's expiration date is invalid."];
    if (year < now.getFullYear()) return ['invalid_expiry_year_past', "Your card's expiration year is in the past."];
    if (year === now.getFullYear() && month <= now.getMonth()) return ['invalid_expiry_month_past', "Your card's expiration date is in the past."];
    return year > now.getFullYear() + LAST_YEAR ? ['invalid_expiry_year', "Your card's expiration year is invalid."] : null;
  },
  cvc() {
    const digits = digitsOf(inputs.cvc.value);
    const brand = brandOf(digitsOf(inputs.number.value));
    const least = brand === UNKNOWN ? 3 : brand.cvc;
    return digits.length < least ? ['incomplete_cvc', "Your card's security code is incomplete."] : null;
  },
};

function show(name, problem) {
  inputs[name].classList.toggle('Input--invalid', Boolean(problem));
  inputs[name].setAttribute('aria-invalid', String(Boolean(problem)));
  const place = find(`${name}-error`);
  const text = problem?.[1] ?? '';
  if (place.textContent !== text) place.textContent = text;
}

function checkAll() {
  let first = null;
  for (const name of Object.keys(CHECKS)) {
    const problem = CHECKS[name]();
    show(name, problem);
    if (problem && !first) first = { name, problem };
  }
  if (!first) return null;
  inputs[first.name].focus();
  return { type: 'validation_error', code: first.problem[0], message: first.problem[1] };
}

function tellChange() {
  const empty = Object.values(inputs).every((input) => input.value === '');
  const complete = Object.values(CHECKS).every((check) => check() === null);
  tell('change', { empty, complete, value: { type: 'card' } });
}

// ---- the API

function encode(params, prefix = '', into = new URLSearchParams()) {
  for (const [name, value] of Object.entries(params)) {
    const path = prefix ? `${prefix}[${name}]` : name;
    if (value === null || value === undefined || value === '') continue;
    if (typeof value === 'object') encode(value, path, into);
    else into.append(path, String(value));
  }
  return into;
}

async function call(method, path, params) {
  const body = encode({ ...params, key: given.key, _stripe_version: given.version });
  try {
    const answer = await fetch(method === 'GET' ? `${path}?${body}` : path, {
      method, body: method === 'GET' ? undefined : body, cache: 'no-store', credentials: 'omit',
    });
    return await answer.json();
  } catch {
    return { error: {
      type: 'api_connection_error', message: 'We are experiencing issues connecting to our payments provider. Please check your internet '
        + 'connection and try again. You have not been charged.',
    } };
  }
}

function billingDetails(fromMerchant) {
  const details = { ...fromMerchant, address: { ...(fromMerchant?.address ?? {}) } };
  if (!find('country-field').hidden) details.address.country ??= find('country').value;
  return details;
}

async function confirm({ secret, returnUrl, data, shipping }) {
  const problem = checkAll();
  if (problem) return { error: problem };
  const digits = digitsOf(inputs.expiry.value);
  const answer = await call('POST', `/v1/payment_intents/${secret.split('_secret_')[0]}/confirm`, {
    client_secret: secret,
    return_url: returnUrl,
    shipping,
    use_stripe_sdk: true,
    payment_method_data: {
      ...data,
      type: 'card',
      billing_details: billingDetails(data.billing_details),
      card: { number: digitsOf(inputs.number.value), exp_month: Number(digits.slice(0, 2)), exp_year: 2000 + Number(digits.slice(2)), cvc: inputs.cvc.value },
    },
  });
  return answer.error ? { error: answer.error } : { paymentIntent: answer };
}

// ---- what it looks like

const VARIABLE = /^[A-Za-z][A-Za-z0-9]*$/;
const RULE = /^\.(Input|Label|Error|Field|Block|Tab)(--invalid)?(:(hover|focus|disabled|focus-visible))?(::placeholder)?$/;

function look(appearance) {
  const root = document.documentElement;
  for (const name of [...root.style].filter((each) => each.startsWith('--'))) root.style.removeProperty(name);
  root.dataset.theme = appearance.theme ?? 'stripe';
  for (const [name, value] of Object.entries(appearance.variables ?? {})) {
    if (VARIABLE.test(name)) root.style.setProperty(`--${name}`, String(value));
  }
  const sheet = new CSSStyleSheet();
  for (const [selector, properties] of Object.entries(appearance.rules ?? {})) {
    if (!RULE.test(selector)) continue;
    const rule = sheet.cssRules[sheet.insertRule(`${selector} {}`, sheet.cssRules.length)];
    for (const [name, value] of Object.entries(properties)) {
      rule.style.setProperty(name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`), String(value));
    }
  }
  document.adoptedStyleSheets = [sheet];
}

/* Paints what the merchant's page shows behind the frame. */
function paint(behind) {
  document.documentElement.style.setProperty('background-color', behind ?? 'transparent');
}

function applyOptions(options) {
  given.options = options;
  const fields = options.fields?.billingDetails;
  const hidden = fields === 'never' || fields?.address === 'never' || fields?.address?.country === 'never';
  find('country-field').hidden = hidden;
  const country = options.defaultValues?.billingDetails?.address?.country;
  if (country) find('country').value = country;
  for (const input of [...Object.values(inputs), find('country')]) input.disabled = Boolean(options.readOnly);
}

const COUNTRIES = 'AC AD AE AF AG AI AL AM AO AQ AR AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CD CF '
  + 'CG CH CI CK CL CM CN CO CR CV CW CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR '
  + 'GS GT GU GW GY HK HN HR HT HU ID IE IL IM IN IO IQ IS IT JE JM JO JP KE KG KH KI KM KN KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA '
  + 'MC MD ME MF MG MK ML MM MN MO MQ MR MS MT MU MV MW MX MY MZ NA NC NE NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PY '
  + 'QA RE RO RS RU RW SA SB SC SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SZ TA TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG US '
  + 'UY UZ VA VC VE VG VN VU WF WS XK YE YT ZA ZM ZW';

function listCountries() {
  const names = new Intl.DisplayNames(['en'], { type: 'region' });
  const all = COUNTRIES.split(' ').map((code) => [code, names.of(code)]).sort((a, b) => a[1].localeCompare(b[1]));
  const region = new Intl.Locale(navigator.language).region ?? 'US';
  const selected = all.some(([code]) => code === region) ? region : 'US';
  find('country').append(...all.map(([code, name]) => new Option(name, code, code === selected, code === selected)));
}

// ---- life

async function begin(message) {
  Object.assign(given, message);
  look(given.appearance);
  paint(given.behind);
  applyOptions(given.options ?? {});
  if (given.secret) {
    const { error } = await call('GET', '/v1/elements/sessions', { client_secret: given.secret });
    if (error) {
      tell('height', { height: 0 });
      tell('loaderror', { error });
      return;
    }
  }
  form.hidden = false;
  tell('height', { height: document.body.offsetHeight });
  tell('ready');
}

function submit() {
  const error = checkAll();
  return error ? { error } : { selectedPaymentMethod: 'card' };
}

function clear() {
  for (const [name, input] of Object.entries(inputs)) {
    input.value = '';
    show(name, null);
  }
  formatNumber();
  tellChange();
}

const HEARD = {
  begin,
  submit,
  confirm,
  clear,
  options: ({ options }) => applyOptions(options),
  appearance: ({ appearance }) => look(appearance),
  behind: ({ behind }) => paint(behind),
  focus: () => inputs.number.focus(),
  blur: () => document.activeElement?.blur(),
};

window.addEventListener('message', async (event) => {
  if (event.origin !== parentOrigin || event.source !== window.parent) return;
  const { sandbox: kind, number, ...rest } = event.data ?? {};
  const answer = await HEARD[kind]?.(rest);
  if (number) tell('answer', { answers: number, ...answer });
});

const FORMAT = { number: formatNumber, expiry: formatExpiry, cvc: formatCvc };
for (const [name, input] of Object.entries(inputs)) {
  input.addEventListener('input', (event) => {
    FORMAT[name](event);
    const problem = CHECKS[name]();
    // while typing only what can't become right any more is marked; the rest when the field is left
    show(name, problem && !problem[0].startsWith('incomplete') ? problem : null);
    tellChange();
    if (!problem && event.isTrusted && input.selectionStart === input.value.length) next(name)?.focus();
  });
  input.addEventListener('blur', () => {
    if (input.value !== '') show(name, CHECKS[name]());
  });
}

function next(name) {
  return { number: inputs.expiry, expiry: inputs.cvc }[name];
}

form.addEventListener('submit', (event) => event.preventDefault());
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') tell('escape');
});
let focused = false;
document.addEventListener('focusin', () => {
  if (!focused) tell('focus');
  focused = true;
});
document.addEventListener('focusout', (event) => {
  if (event.relatedTarget) return;
  focused = false;
  tell('blur');
});
new ResizeObserver(() => {
  if (!form.hidden) tell('height', { height: document.body.offsetHeight });
}).observe(document.body);
listCountries();
tell('hello');
