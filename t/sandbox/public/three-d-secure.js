// Tells Stripe.js around this frame that the buyer has answered; what the answer was, only Stripe says.
// SPDX-License-Identifier: Apache-2.0
'use strict';
if (window.parent !== window) window.parent.postMessage({ sandbox: 'answered' }, '*');
