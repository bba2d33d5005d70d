// checkout.js: the payment page. Mounts Stripe's card form, keeps the visitor's form with the shop, then lets Stripe take
// the payment. Whatever fails, the visitor gets a sentence and the form back as it was.
// SPDX-License-Identifier: Apache-2.0

const LOAD_LIMIT_MS = 25000;    // Stripe.js or its card form have not appeared after this: say so
const ANSWER_LIMIT_MS = 30000;  // the shop has not answered after this: say so
const RELOAD_AFTER_MS = 1800;   // long enough to read one short sentence
const EMAIL_MAX_BYTES = 254;
const KEPT = 'bookshop-checkout';

// Stripe's states in which the money has moved, is moving, or is set aside: the success page knows what to say.
const PAID_OR_ON_ITS_WAY = new Set(['succeeded', 'processing', 'requires_capture']);

// The page's form: its words, its fields, and the three states that they can be in.
class Page {
  constructor(form) {
    this.form = form;
    this.words = form.dataset;
    this.email = form.querySelector('#email');
    this.emailError = form.querySelector('#email-error');
    this.cardArea = form.querySelector('#card-area');
    this.card = form.querySelector('#card-form');
    this.problem = form.querySelector('#problem');
    this.problemText = form.querySelector('#problem-text');
    this.problemList = form.querySelector('#problem-list');
    this.problemReload = form.querySelector('#problem-reload');
    this.button = form.querySelector('#pay');
    this.label = form.querySelector('#pay-label');
    this.payLabel = this.label.textContent;
    this.status = form.querySelector('#status');
    this.state = 'loading';
    form.noValidate = true;
    this.problemReload.addEventListener('click', () => keep({email: this.email.value}));
  }

  loading() {
    const waiting = document.createElement('p');
    waiting.className = 'card-form-waiting';
    waiting.textContent = this.words.sayLoading;
    this.cardArea.append(waiting);
    this.waiting = waiting;
    this.button.disabled = true;
    this.status.textContent = this.words.sayLoading;
    this.state = 'loading';
  }

  ready() {
    this.waiting?.remove();
    this.cardArea.classList.remove('card-form-failed');
    this.status.textContent = this.words.sayReady;
    if (this.state === 'failed') {
      this.hideProblem();
    }
    this.unlock();
  }

  lock() {
    this.state = 'paying';
    this.form.setAttribute('aria-busy', 'true');
    this.email.readOnly = true;
    this.cardArea.inert = true;
    this.button.disabled = true;
    this.button.dataset.busy = '';
    this.label.textContent = this.words.sayPaying;
    this.status.textContent = this.words.sayPaying;
  }

  unlock() {
    this.state = 'ready';
    this.form.removeAttribute('aria-busy');
    this.email.readOnly = false;
    this.cardArea.inert = false;
    this.button.disabled = false;
    delete this.button.dataset.busy;
    this.label.textContent = this.payLabel;
  }

  hideProblem() {
    this.problem.hidden = true;
    this.problemText.textContent = '';
    this.problemList.hidden = true;
    this.problemList.replaceChildren();
    this.problemReload.hidden = true;
    this.markEmail('');
  }

  markEmail(sentence) {
    this.emailError.textContent = sentence;
    this.emailError.hidden = !sentence;
    if (sentence) {
      this.email.setAttribute('aria-invalid', 'true');
    } else {
      this.email.removeAttribute('aria-invalid');
    }
  }

  // Texts from Stripe and from the shop are shown as text, never as markup.
  showProblem(sentence, {email = '', reload = false, focus = true} = {}) {
    this.hideProblem();
    this.problemText.textContent = sentence;
    if (email) {
      const item = document.createElement('li');
      const link = document.createElement('a');
      link.href = '#email';
      link.textContent = email;
      link.addEventListener('click', (event) => {
        event.preventDefault();
        this.email.focus();
      });
      item.append(link);
      this.problemList.append(item);
      this.problemList.hidden = false;
      this.markEmail(email);
    }
    this.problemReload.hidden = !reload;
    this.problem.hidden = false;
    this.status.textContent = '';
    if (focus) {
      this.problem.focus();
    }
  }

  fail(sentence, options) {
    this.unlock();
    this.showProblem(sentence, options);
  }

  // The card form can't be had: the rest of the page stays as it is, and the way on is a reload.
  failLoading() {
    this.state = 'failed';
    this.waiting?.remove();
    this.cardArea.classList.add('card-form-failed');
    this.button.disabled = true;
    this.showProblem(this.words.sayCardForm, {reload: true, focus: false});
  }

  leave() {
    this.state = 'leaving';
    forget();
    this.label.textContent = this.words.sayDone;
    this.status.textContent = this.words.sayDone;
    window.location.assign(this.words.successUrl);
  }

  // What was typed comes back after the reload, with the sentence that explains it.
  reload(notice) {
    this.state = 'leaving';
    keep({email: this.email.value, notice});
    window.location.reload();
  }
}

function keep(form) {
  try {
    window.sessionStorage.setItem(KEPT, JSON.stringify({...form, path: window.location.pathname + window.location.search}));
  } catch {
    // A browser that keeps nothing: the visitor types it again.
  }
}

function forget() {
  try {
    window.sessionStorage.removeItem(KEPT);
  } catch {
    // As above.
  }
}

function takeKept() {
  try {
    const kept = JSON.parse(window.sessionStorage.getItem(KEPT) ?? 'null');
    window.sessionStorage.removeItem(KEPT);
    return kept?.path === window.location.pathname + window.location.search ? kept : null;
  } catch {
    return null;
  }
}

// A card number by its check digit; the numbers of books are not one.
function hasCardNumber(text) {
  for (const run of text.match(/\d(?:[ -]?\d){12,18}/g) ?? []) {
    const digits = run.replace(/\D/g, '');
    const isIsbn = digits.length === 13 && /^97[89]/.test(digits);
    const sum = [...digits].reverse().reduce((total, digit, i) => {
      const value = Number(digit) * (i % 2 ? 2 : 1);
      return total + (value > 9 ? value - 9 : value);
    }, 0);
    if (!isIsbn && sum % 10 === 0) {
      return true;
    }
  }
  return false;
}

function emailProblem(email, words) {
  if (!email) {
    return words.sayEmailRequired;
  }
  if (hasCardNumber(email)) {
    return words.sayCardNumber;
  }
  if (new TextEncoder().encode(email).length > EMAIL_MAX_BYTES) {
    return words.sayEmailTooLong;
  }
  return /^[^\s@]+@[^\s@]+\.[^\s@.]+$/.test(email) ? '' : words.sayEmailInvalid;
}

// The tokens as the browser computes them now, so that Stripe's form wears the shop's colours, light or dark.
function appearance() {
  const probe = document.createElement('span');
  probe.hidden = true;
  document.body.append(probe);
  const colour = (token) => {
    probe.style.color = `var(${token})`;
    return window.getComputedStyle(probe).color;
  };
  const dark = window.matchMedia('(prefers-color-scheme: dark)').matches;
  const look = {
    theme: dark ? 'night' : 'stripe',
    labels: 'above',
    variables: {
      colorPrimary: colour('--accent'),
      colorBackground: colour('--card'),
      colorText: colour('--ink'),
      colorTextSecondary: colour('--quiet'),
      colorTextPlaceholder: colour('--quiet'),
      colorDanger: colour('--bad'),
      fontFamily: window.getComputedStyle(document.body).fontFamily,
      fontSizeBase: '16px',
      spacingUnit: '4px',
      borderRadius: '6px',
    },
    rules: {
      '.Label': {fontWeight: '600', color: colour('--ink')},
      '.Input': {borderColor: colour('--quiet'), boxShadow: 'none'},
      '.Input:focus': {borderColor: colour('--accent'), boxShadow: `0 0 0 2px ${colour('--accent')}`},
      '.Input--invalid': {borderColor: colour('--bad'), boxShadow: `0 0 0 1px ${colour('--bad')}`},
    },
  };
  probe.remove();
  return look;
}

// Resolves with Stripe's constructor, or rejects: the script's own events tell, and where they came before this module,
// the window's load event, which waits for the script either way.
function stripeLoaded() {
  return new Promise((resolve, reject) => {
    const script = document.getElementById('stripe-js');
    const look = () => (window.Stripe ? resolve(window.Stripe) : reject(new Error('Stripe.js did not load')));
    if (window.Stripe || !script || document.readyState === 'complete') {
      look();
      return;
    }
    script.addEventListener('load', look, {once: true});
    script.addEventListener('error', look, {once: true});
    window.addEventListener('load', look, {once: true});
  });
}

// The form goes to the shop before any money moves. Answers null, or what is wrong.
async function rememberForm(page, email) {
  const {words} = page;
  const control = new AbortController();
  const limit = window.setTimeout(() => control.abort(), ANSWER_LIMIT_MS);
  let response;
  let answer = null;
  try {
    response = await fetch(words.cacheUrl, {
      method: 'POST',
      headers: {Accept: 'application/json'},
      body: new URLSearchParams({
        csrf: words.csrf,
        payment_intent: words.paymentIntent,
        amount: words.amountMinor,
        email,
      }),
      credentials: 'same-origin',
      signal: control.signal,
    });
    answer = await response.json().catch(() => null);
  } catch {
    return {message: words.sayOffline};
  } finally {
    window.clearTimeout(limit);
  }
  if (response.ok && answer?.ok === true) {
    return null;
  }
  const {code = '', message = '', field = ''} = answer?.error ?? {};
  return {
    code,
    status: response.status,
    message: String(message || words.sayUnavailable),
    field: String(field ?? ''),
  };
}

// What the shop refused, said in the place where it can be mended.
function showRefusal(page, refusal) {
  if (refusal.code === 'bag_changed') {
    page.showProblem(page.words.sayBagChanged);
    page.label.textContent = page.words.sayReloading;
    window.setTimeout(() => page.reload(page.words.sayBagChanged), RELOAD_AFTER_MS);
    return;
  }
  if (refusal.field === 'email') {
    page.fail(page.words.sayFormError, {email: refusal.message});
    return;
  }
  if (refusal.code === 'payment_not_found') {
    page.fail(page.words.sayStale, {reload: true});
    return;
  }
  page.fail(refusal.message, {reload: [403, 404, 409].includes(refusal.status)});
}

// Stripe's own sentence where it is meant for the buyer; where it is not, ours.
function showStripeError(page, error) {
  const {words} = page;
  const status = error.payment_intent?.status;
  if (PAID_OR_ON_ITS_WAY.has(status)) {
    page.leave();
  } else if (status === 'canceled') {
    page.fail(words.sayClosed, {reload: true});
  } else if (error.type === 'validation_error') {
    page.fail(error.message || words.sayFormError);
  } else if (error.type === 'card_error' || error.code === 'payment_intent_authentication_failure') {
    page.fail(`${error.message || words.sayUnavailable} ${words.sayNotCharged}`);
  } else {
    page.fail(words.sayUnknown, {reload: true});
  }
}

// One press of Pay, from the check of the e-mail to the page that follows.
async function pay(page, stripe, elements, isCurrent) {
  const {words} = page;
  const email = page.email.value.trim();
  const wrong = emailProblem(email, words);
  page.hideProblem();
  if (wrong) {
    page.showProblem(words.sayFormError, {email: wrong});
    return;
  }
  page.lock();

  const submitted = await elements.submit();
  if (!isCurrent()) {
    return;
  }
  if (submitted.error) {
    page.fail(submitted.error.message || words.sayFormError);
    return;
  }

  const refusal = await rememberForm(page, email);
  if (!isCurrent()) {
    return;
  }
  if (refusal) {
    showRefusal(page, refusal);
    return;
  }

  keep({email});  // Stripe may lead through the bank's page and back
  const {error, paymentIntent} = await stripe.confirmPayment({
    elements,
    confirmParams: {
      return_url: words.returnUrl,
      payment_method_data: {billing_details: {email}},
    },
    redirect: 'if_required',
  });
  if (!isCurrent()) {
    return;
  }
  if (error) {
    showStripeError(page, error);
  } else if (PAID_OR_ON_ITS_WAY.has(paymentIntent?.status) || paymentIntent?.status === 'requires_action') {
    page.leave();
  } else {
    page.fail(`${words.sayUnavailable} ${words.sayNotCharged}`);
  }
}

function restore(page) {
  const kept = takeKept();
  if (kept?.email && !page.email.value) {
    page.email.value = kept.email;
  }
  return kept?.notice ?? '';
}

// Stripe's card form, mounted in the page; ready() or failLoading() follow, whichever way it goes.
function mountCardForm(page, Stripe, limit) {
  const {words} = page;
  const stripe = Stripe(words.publicKey, words.locale ? {locale: words.locale} : {});
  const elements = stripe.elements({clientSecret: words.clientSecret, appearance: appearance()});
  const cardForm = elements.create('payment', {layout: 'tabs', fields: {billingDetails: {email: 'never'}}});
  cardForm.on('ready', () => {
    window.clearTimeout(limit);
    page.ready();
  });
  cardForm.on('loaderror', () => {
    window.clearTimeout(limit);
    page.failLoading();
  });
  cardForm.mount(page.card);
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    elements.update({appearance: appearance()});
  });
  return {stripe, elements};
}

async function start(form) {
  const page = new Page(form);
  const notice = restore(page);
  let attempt = 0;
  let card = null;

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (page.state !== 'ready' || !card) {
      return;
    }
    attempt += 1;
    const own = attempt;
    const isCurrent = () => own === attempt;
    try {
      await pay(page, card.stripe, card.elements, isCurrent);
    } catch {
      if (isCurrent()) {
        page.fail(page.words.sayUnknown, {reload: true});
      }
    }
  });

  // A page that comes back from the browser's memory, after a visit to the bank or by the back button.
  window.addEventListener('pageshow', (event) => {
    if (!event.persisted) {
      return;
    }
    attempt += 1;
    if (page.state === 'leaving') {
      window.location.reload();
    } else if (page.state === 'paying') {
      page.unlock();
    }
  });

  // The order's summary is one line on a phone and open where there is room beside the form.
  const wide = window.matchMedia('(min-width: 900px)');
  const unfold = () => {
    document.getElementById('summary').open = wide.matches;
  };
  wide.addEventListener('change', unfold);
  unfold();

  page.loading();
  const limit = window.setTimeout(() => page.failLoading(), LOAD_LIMIT_MS);
  try {
    card = mountCardForm(page, await stripeLoaded(), limit);
  } catch {
    window.clearTimeout(limit);
    page.failLoading();
  }
  if (notice) {
    page.showProblem(notice, {focus: false});
  }
}

const form = document.getElementById('checkout-form');
if (form) {
  start(form);
}
