// The sandbox's stand-in for Stripe.js: Stripe(), Elements with the Payment Element, confirmPayment, 3-D Secure.
// SPDX-License-Identifier: Apache-2.0
(() => {
  'use strict';
  const ORIGIN = new URL(document.currentScript.src).origin;
  const NEVER = new Promise(() => {});  // what a promise is once the browser is leaving the page
  let frames = 0;

  class IntegrationError extends Error {
    constructor(message) {
      super(message);
      this.name = 'IntegrationError';
    }
  }

  const idOf = (secret) => /^(pi_\w+)_secret_\w+$/.exec(secret ?? '')?.[1];

  function requireSecret(secret, where) {
    if (idOf(secret)) return secret;
    throw new IntegrationError(`Invalid value for ${where}: clientSecret should be a client secret of the form `
      + '${id}_secret_${secret}. You specified: ' + (typeof secret === 'string' ? secret : String(secret)) + '.');
  }

  function style(element, properties) {
    for (const [name, value] of Object.entries(properties)) element.style.setProperty(name, value, 'important');
  }

  /* A frame of the sandbox's origin. Messages pass only between this window and that frame. */
  class Frame {
    constructor(path, { title, properties, listener }) {
      this.asked = new Map();
      this.number = 0;
      this.element = document.createElement('iframe');
      Object.assign(this.element, { name: `__privateStripeFrame${++frames}`, title, src: `${ORIGIN}${path}` });
      this.element.setAttribute('allow', 'payment *; publickey-credentials-get *');
      this.element.setAttribute('frameborder', '0');
      this.element.setAttribute('scrolling', 'no');
      style(this.element, properties);
      this.listen = (event) => {
        if (event.origin !== ORIGIN || event.source !== this.element.contentWindow || !event.data?.sandbox) return;
        const { sandbox: kind, answers, ...rest } = event.data;
        if (answers) {
          this.asked.get(answers)?.(rest);
          this.asked.delete(answers);
        } else {
          listener(kind, rest);
        }
      };
      window.addEventListener('message', this.listen);
    }

    tell(kind, rest = {}) {
      this.element.contentWindow?.postMessage({ sandbox: kind, ...rest }, ORIGIN);
    }

    ask(kind, rest = {}) {
      const number = ++this.number;
      return new Promise((resolve) => {
        this.asked.set(number, resolve);
        this.tell(kind, { ...rest, number });
      });
    }

    remove() {
      window.removeEventListener('message', this.listen);
      this.element.remove();
    }
  }

  class Listeners {
    constructor() {
      this.lists = new Map();
    }

    on(name, handler) {
      if (typeof handler !== 'function') throw new IntegrationError(`Invalid handler for the event ${name}: a function is wanted.`);
      this.lists.set(name, [...(this.lists.get(name) ?? []), handler]);
      return this;
    }

    once(name, handler) {
      const first = (event) => {
        this.off(name, first);
        handler(event);
      };
      return this.on(name, first);
    }

    off(name, handler) {
      this.lists.set(name, handler ? (this.lists.get(name) ?? []).filter((each) => each !== handler) : []);
      return this;
    }

    emit(name, event = {}) {
      for (const handler of this.lists.get(name) ?? []) handler(event);
    }
  }

  const UNREACHABLE = {
    type: 'api_connection_error',
    message: 'We are experiencing issues connecting to our payments provider. Please check your internet connection and try again. '
      + 'You have not been charged.',
  };
  const LOAD_PATIENCE = 15000;  // milliseconds until a frame that says nothing counts as unreachable
  const EMPTY_FORM_HEIGHT = 228;  // with the default appearance: the page does not move when the form is there

  /* The colour that the page shows behind an element: the frame paints it too, so that contrast can be checked in there. */
  function colourBehind(element) {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (!/^(transparent|rgba\(.*, 0\))$/.test(colour)) return /^rgb\(/.test(colour) ? colour : null;
    }
    return null;
  }

  const DARK = window.matchMedia('(prefers-color-scheme: dark)');

  class PaymentElement extends Listeners {
    constructor(elements, options = {}) {
      super();
      this.repaint = () => this.frame?.tell('behind', { behind: colourBehind(this.place) });
      Object.assign(this, { elements, options, frame: null, container: null, state: 'new' });
      this.loaded = new Promise((resolve) => { this.resolveLoaded = resolve; });
    }

    mount(target) {
      if (this.state === 'destroyed') throw new IntegrationError('This Element has already been destroyed. Please create a new one.');
      const place = typeof target === 'string' ? document.querySelector(target) : target;
      if (!place) {
        throw new IntegrationError(`The selector you specified (${target}) applies to no DOM elements that are currently on the page. `
          + 'Make sure the element exists on the page before calling mount().');
      }
      if (this.frame) this.unmount();
      place.replaceChildren();
      this.container = document.createElement('div');
      this.container.className = '__PrivateStripeElement';
      style(this.container, { margin: '0', padding: '0', border: 'none', display: 'block', background: 'transparent', position: 'relative' });
      this.frame = new Frame(`/elements/payment.html#${encodeURIComponent(window.location.origin)}`, {
        title: 'Secure payment input frame',
        properties: {
          border: '0', margin: '-4px', padding: '0', width: 'calc(100% + 8px)', 'min-width': '100%', overflow: 'hidden',
          display: 'block', height: `${EMPTY_FORM_HEIGHT}px`, 'color-scheme': 'normal', 'user-select': 'none',
        },
        listener: (kind, message) => this.hear(kind, message),
      });
      place.classList.add('StripeElement');
      this.container.append(this.frame.element);
      place.append(this.container);
      this.place = place;
      DARK.addEventListener('change', this.repaint);
      this.state = 'loading';
      this.patience = setTimeout(() => this.hear('loaderror', { error: UNREACHABLE }), LOAD_PATIENCE);
      this.emit('loaderstart', { elementType: 'payment' });
      return this;
    }

    hear(kind, message) {
      const heard = {
        hello: () => this.frame.tell('begin', this.beginning()),
        height: () => style(this.frame.element, { height: `${Math.ceil(message.height)}px` }),
        ready: () => {
          clearTimeout(this.patience);
          this.state = 'ready';
          this.resolveLoaded();
          this.emit('ready', { elementType: 'payment' });
        },
        loaderror: () => {
          clearTimeout(this.patience);
          this.state = 'failed';
          this.error = message.error;
          this.resolveLoaded();
          this.emit('loaderror', { elementType: 'payment', error: message.error });
        },
        change: () => {
          const { empty, complete, value } = message;
          this.place.classList.toggle('StripeElement--empty', empty);
          this.place.classList.toggle('StripeElement--complete', complete);
          this.emit('change', { elementType: 'payment', empty, complete, collapsed: false, value });
        },
        focus: () => {
          this.place.classList.add('StripeElement--focus');
          this.emit('focus', { elementType: 'payment' });
        },
        blur: () => {
          this.place.classList.remove('StripeElement--focus');
          this.emit('blur', { elementType: 'payment' });
        },
        escape: () => this.emit('escape', { elementType: 'payment' }),
      }[kind];
      heard?.();
    }

    beginning() {
      const { stripe, options } = this.elements;
      return {
        key: stripe.key, version: stripe.version, secret: options.clientSecret ?? null, appearance: options.appearance ?? {},
        options: JSON.parse(JSON.stringify(this.options)), behind: colourBehind(this.place),
      };
    }

    update(options) {
      Object.assign(this.options, options);
      this.frame?.tell('options', { options: JSON.parse(JSON.stringify(this.options)) });
    }

    unmount() {
      clearTimeout(this.patience);
      DARK.removeEventListener('change', this.repaint);
      this.frame?.remove();
      this.container?.remove();
      this.place?.classList.remove('StripeElement', 'StripeElement--focus', 'StripeElement--complete', 'StripeElement--empty');
      this.frame = null;
      this.state = 'new';
      this.loaded = new Promise((resolve) => { this.resolveLoaded = resolve; });
    }

    destroy() {
      this.unmount();
      this.state = 'destroyed';
      this.elements.payment = null;
    }

    focus() {
      this.frame?.element.focus();
      this.frame?.tell('focus');
    }

    blur() {
      this.frame?.tell('blur');
    }

    clear() {
      this.frame?.tell('clear');
    }

    collapse() {}
  }

  class Elements {
    constructor(stripe, options) {
      Object.assign(this, { stripe, options, payment: null });
    }

    create(type, options) {
      if (type !== 'payment') throw new IntegrationError(`A valid Element name must be provided. Valid Elements are: payment. You passed: ${type}.`);
      if (this.payment) throw new IntegrationError('Can only create one Element of type payment.');
      this.payment = new PaymentElement(this, options);
      return this.payment;
    }

    getElement(type) {
      return (typeof type === 'string' ? type : type?.__elementType) === 'payment' ? this.payment : null;
    }

    update(options) {
      Object.assign(this.options, options);
      if (!options.appearance) return;
      this.payment?.frame?.tell('appearance', { appearance: options.appearance });
      this.payment?.repaint();
    }

    async submit() {
      const payment = this.mounted('elements.submit()');
      await payment.loaded;
      if (payment.error) return { error: payment.error };
      return payment.frame.ask('submit');
    }

    async fetchUpdates() {
      if (!this.options.clientSecret) return {};
      const { error } = await this.stripe.session(this.options.clientSecret);
      return error ? { error } : {};
    }

    mounted(where) {
      if (this.payment?.frame) return this.payment;
      throw new IntegrationError(`Invalid value for ${where}: elements should have a mounted Payment Element or Express Checkout Element.`);
    }
  }

  /* The bank's page over this one; resolves when the buyer has answered there. */
  function askBank(url) {
    const before = document.activeElement;
    const shade = document.createElement('div');
    shade.setAttribute('role', 'dialog');
    shade.setAttribute('aria-modal', 'true');
    shade.setAttribute('aria-label', '3D Secure authentication');
    style(shade, {
      position: 'fixed', inset: '0', 'z-index': '2147483647', display: 'flex', 'align-items': 'center', 'justify-content': 'center',
      background: 'rgba(20, 24, 32, 0.55)', padding: '0', margin: '0', border: '0', 'max-width': 'none', 'max-height': 'none',
    });
    const overflow = document.documentElement.style.overflow;
    return new Promise((resolve) => {
      const frame = new Frame(new URL(url).pathname + new URL(url).search, {
        title: '3D Secure 2 Test Page',
        properties: {
          border: '0', width: 'min(500px, 100vw)', height: 'min(380px, 100vh)', background: '#fff', 'border-radius': '10px',
          'box-shadow': '0 20px 60px rgba(0, 0, 0, 0.35)', 'color-scheme': 'light',
        },
        listener: (kind) => {
          if (kind !== 'answered') return;
          frame.remove();
          shade.remove();
          document.documentElement.style.overflow = overflow;
          before?.focus?.();
          resolve();
        },
      });
      frame.element.setAttribute('scrolling', 'auto');
      document.documentElement.style.overflow = 'hidden';
      shade.append(frame.element);
      document.body.append(shade);
      frame.element.addEventListener('load', () => frame.element.focus());
    });
  }

  function leaveFor(url) {
    window.location.assign(url);
    return NEVER;
  }

  function returnAddress(url, payment) {
    const address = new URL(url);
    const outcome = ['succeeded', 'processing', 'requires_capture'].includes(payment.status) ? 'succeeded' : 'failed';
    address.searchParams.append('payment_intent', payment.id);
    address.searchParams.append('payment_intent_client_secret', payment.client_secret);
    address.searchParams.append('redirect_status', outcome);
    return address.href;
  }

  const FIELDS = ['name', 'email', 'phone'];
  const ADDRESS_FIELDS = ['line1', 'line2', 'city', 'state', 'country', 'postalCode'];
  const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

  /* What the Payment Element was told not to ask for must come with the call. */
  function requireOptedOut(never, given) {
    const refuse = (path) => {
      throw new IntegrationError(`You specified "never" for fields.billing_details.${path} when creating the payment Element, but did not `
        + `pass confirmParams.payment_method_data.billing_details.${path} when calling stripe.confirmPayment(). If you opt out of collecting `
        + 'data via the payment Element using the fields option, the data must be passed in when calling stripe.confirmPayment().');
    };
    const all = never === 'never';
    for (const name of FIELDS) {
      if ((all || never?.[name] === 'never') && given?.[name] === undefined) refuse(name);
    }
    for (const name of ADDRESS_FIELDS) {
      const opted = all || never?.address === 'never' || never?.address?.[name] === 'never';
      if (opted && given?.address?.[snake(name)] === undefined) refuse(`address.${snake(name)}`);
    }
  }

  class StripeInstance {
    constructor(key, options = {}) {
      if (typeof key !== 'string' || key === '') throw new IntegrationError('Missing value for Stripe(): apiKey should be a string.');
      if (/^[sr]k_/.test(key)) {
        throw new IntegrationError('You should not use your secret key with Stripe.js.\n        Please pass a publishable key instead.');
      }
      this.key = key;
      this.version = options.apiVersion ?? null;
    }

    elements(options = {}) {
      if ('clientSecret' in options) requireSecret(options.clientSecret, 'elements()');
      else if (!options.mode) {
        throw new IntegrationError('Invalid value for elements(): either clientSecret or mode has to be given.');
      }
      return new Elements(this, { ...options });
    }

    async get(path, params) {
      const query = new URLSearchParams({ ...params, key: this.key, ...(this.version ? { _stripe_version: this.version } : {}) });
      try {
        return await (await fetch(`${ORIGIN}${path}?${query}`, { credentials: 'omit', cache: 'no-store' })).json();
      } catch {
        return { error: UNREACHABLE };
      }
    }

    session(secret) {
      return this.get('/v1/elements/sessions', { client_secret: secret });
    }

    async retrievePaymentIntent(secret) {
      requireSecret(secret, 'stripe.retrievePaymentIntent intent secret');
      const answer = await this.get(`/v1/payment_intents/${idOf(secret)}`, { client_secret: secret });
      return answer.error ? { error: answer.error } : { paymentIntent: answer };
    }

    async confirmPayment(given = {}) {
      const { elements, confirmParams = {}, redirect = 'always' } = given;
      if (!(elements instanceof Elements)) {
        throw new IntegrationError('Invalid value for stripe.confirmPayment(): elements should be an Elements instance.');
      }
      const secret = requireSecret(given.clientSecret ?? elements.options.clientSecret, 'stripe.confirmPayment()');
      const payment = elements.mounted('stripe.confirmPayment()');
      if (redirect !== 'if_required' && !confirmParams.return_url) {
        throw new IntegrationError('Missing value for stripe.confirmPayment(): confirmParams.return_url is required unless redirect is '
          + "'if_required'.");
      }
      const data = confirmParams.payment_method_data ?? {};
      requireOptedOut(payment.options.fields?.billingDetails, data.billing_details);
      await payment.loaded;
      if (payment.error) return { error: payment.error };
      const answer = await payment.frame.ask('confirm', {
        secret, returnUrl: confirmParams.return_url ?? null, data: JSON.parse(JSON.stringify(data)),
        shipping: confirmParams.shipping ? JSON.parse(JSON.stringify(confirmParams.shipping)) : null,
      });
      if (answer.error) return { error: answer.error };
      const ended = await this.follow(secret, answer.paymentIntent);
      if (ended.error || redirect === 'if_required') return ended;
      return leaveFor(returnAddress(confirmParams.return_url, ended.paymentIntent));
    }

    async handleNextAction({ clientSecret } = {}) {
      requireSecret(clientSecret, 'stripe.handleNextAction()');
      const { error, paymentIntent } = await this.retrievePaymentIntent(clientSecret);
      return error ? { error } : this.follow(clientSecret, paymentIntent);
    }

    /* Leads the buyer through what the payment asks for next, and says how it ended. */
    async follow(secret, payment) {
      const asks = payment.status === 'requires_action' ? payment.next_action : null;
      if (!asks) return { paymentIntent: payment };
      if (asks.type === 'redirect_to_url') return leaveFor(asks.redirect_to_url.url);
      await askBank(asks.use_stripe_sdk.stripe_js);
      const { error, paymentIntent } = await this.retrievePaymentIntent(secret);
      if (error) return { error };
      if (paymentIntent.status !== 'requires_payment_method') return { paymentIntent };
      return { error: { ...paymentIntent.last_payment_error, payment_intent: paymentIntent } };
    }
  }

  const Stripe = (key, options) => new StripeInstance(key, options);
  Stripe.version = 'sandbox';
  window.Stripe = Stripe;
})();
